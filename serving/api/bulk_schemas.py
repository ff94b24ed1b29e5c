"""The request that starts a bulk job."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import FailFast, Field, model_validator
from pydantic_core import PydanticCustomError

from rapport.serving.api.schemas import HORIZONS, Body, CustomerFilter, Horizons, Id, Language, Target

MAX_BULK_IDS = 100_000


class BulkRequest(Body):
    """Request the scores of many customers as a job: of a list of ids, or of all that a filter finds."""

    customer_ids: Annotated[list[Id], FailFast()] = Field(default_factory=list, max_length=MAX_BULK_IDS)
    filter: CustomerFilter | None = Field(None, description="In place of ids; {} finds every scored customer.")
    target: Target = "churn"
    reasons: int = Field(5, ge=0, le=30)
    horizons: Horizons = HORIZONS
    language: Language | None = None
    format: Literal["ndjson", "parquet"] = "ndjson"

    @model_validator(mode="after")
    def _either(self) -> Self:
        if bool(self.customer_ids) == (self.filter is not None):
            raise PydanticCustomError("either", "Give either 'customer_ids' or 'filter'")
        return self
