"""Schemas of the request bodies. Unknown fields are refused; values never appear in errors or logs."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    create_model,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rapport.history.contract import CUSTOMERS, FEATURE_TABLES, RECORDED_AT, Column, Table
from rapport.languages import LanguageCode

MAX_IDS = 1_000
MAX_HISTORIES = 100
MAX_ROWS = 5_000
_MAX_KEYS = 60
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Target = Literal["churn", "conversion"]
Language = LanguageCode


def _is_day(text: str) -> str:
    try:
        date.fromisoformat(text if _DAY.fullmatch(text) else "")
    except ValueError as error:
        raise PydanticCustomError("day", "Input should be a day such as 2026-11-01") from error
    return text


def _is_moment(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise PydanticCustomError("moment", "Input should be a date or time such as 2026-11-01T08:00:00") from error
    return text


Day = Annotated[
    str,
    StringConstraints(max_length=10),
    AfterValidator(_is_day),
    Field(json_schema_extra={"format": "date"}),
]
Moment = Annotated[str, StringConstraints(max_length=40), AfterValidator(_is_moment)]


class Body(BaseModel):
    """Base of all bodies: strict types, no extra fields, no values in errors."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
        populate_by_name=False,
    )

    @model_validator(mode="before")
    @classmethod
    def _limit_keys(cls, body: object) -> object:
        # Every unknown key causes an error of its own: a body of a million keys must not cause a million errors.
        if isinstance(body, dict) and len(body) > _MAX_KEYS:
            raise PydanticCustomError("too_many_keys", "Object should have at most {most} keys", {"most": _MAX_KEYS})
        return body


Horizons = Annotated[list[Annotated[str, StringConstraints(max_length=8)]], Field(max_length=24), FailFast()]
HORIZONS: Any = Field(
    default_factory=list,
    description="Other horizons, such as 3mo or 45d, of at most 24 months: answers gain timing, without a new model.",
)


class ScoreRequest(Body):
    """Request scores of known customers from the latest snapshot."""

    customer_ids: Annotated[list[Id], Field(min_length=1, max_length=MAX_IDS), FailFast()]
    target: Target = "churn"
    reasons: int = Field(
        5, ge=0, le=30, description="How many reasons in each direction, up and down; the rest is other_evidence."
    )
    horizons: Horizons = HORIZONS
    language: Language | None = None


class WhatIfRequest(Body):
    """Request the score that a customer would have if facts that the company can act on were different."""

    customer_id: Id
    target: Target = "churn"
    changes: Annotated[dict[Id, float], Field(min_length=1, max_length=20)]
    reasons: int = Field(5, ge=0, le=30)
    language: Language | None = None


class ChangeRequest(Body):
    """Request the reasons why a score moved between two days."""

    customer_id: Id
    target: Target = "churn"
    from_: Day = Field(alias="from")
    to: Day
    language: Language | None = None


class CustomerRequest(Body):
    """Request the whole profile of one customer."""

    customer_id: Id
    language: Language | None = None


class CustomerFilter(Body):
    """Which of the scored customers are wanted."""

    tier: Annotated[str, StringConstraints(max_length=40)] | None = None
    grade: Annotated[str, StringConstraints(max_length=40)] | None = Field(None, description="A health grade.")
    risk_band: Literal["low", "medium", "high"] | None = None
    list: Literal["at_risk", "probably_lost", "win_back"] | None = Field(
        None, description="at_risk ranks by savable money; win_back has the lapsed customers."
    )
    owner: Annotated[str, StringConstraints(max_length=200)] | None = None
    min_probability: float | None = Field(
        None, ge=0, le=1, description="Only customers at least this likely; a tier holds others, too."
    )


class CustomersRequest(CustomerFilter):
    """Request the scored customers, most value at risk first, a page at a time."""

    target: Target = "churn"
    limit: int = Field(100, ge=1, le=1_000)
    after: Annotated[str, StringConstraints(max_length=300)] | None = Field(
        None, description="The value of next on the previous page."
    )


class FeedbackRequest(Body):
    """Store what a person found or did."""

    customer_id: Id
    target: Target = "churn"
    verdict: Literal["right", "not_right", "done", "snoozed"]
    comment: Annotated[str, StringConstraints(max_length=2_000)] = ""
    action: Annotated[str, StringConstraints(max_length=200)] = ""
    until: Day | None = None


_KINDS: dict[str, Any] = {
    "id": Id,
    "time": Moment,
    "number": float,
    "flag": bool,
    "text": Annotated[str, StringConstraints(max_length=4_000)],
}
_Attribute = Annotated[str, StringConstraints(max_length=400)] | float | bool | None


def _field(column: Column, *, required: bool) -> tuple[Any, Any]:
    kind, title = _KINDS[column.kind], column.title.en
    if required:
        return kind, Field(title=title)
    return kind | None, Field(None, title=title)


def _row(table: Table) -> type[BaseModel]:
    columns = (*table.columns, RECORDED_AT)
    fields: dict[str, Any] = {
        # The customer is named once, above; rows may repeat it.
        column.name: _field(column, required=column.required and (table is CUSTOMERS or column.name != "customer_id"))
        for column in {column.name: column for column in columns}.values()
    }
    name = "".join(part.capitalize() for part in table.name.split("_")) + "Row"
    return create_model(name, __base__=Body, __doc__=f"{table.title.en}: one row.", **fields)


class Customer(_row(CUSTOMERS)):  # type: ignore[misc]  # a class made from the contract
    """The customer itself; fields that the contract does not define are attributes."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, _Attribute]


_EVENTS: dict[str, Any] = {
    table.name: (
        Annotated[list[_row(table)], Field(max_length=MAX_ROWS), FailFast()],  # type: ignore[misc]  # as above
        Field(default_factory=list, title=table.title.en),
    )
    for table in FEATURE_TABLES
    if table is not CUSTOMERS
}
HistoryBody: Any = create_model(
    "HistoryBody",
    __base__=Body,
    __doc__="The whole history of one customer.",
    customer=(Customer, ...),
    **_EVENTS,
)


class ScoreHistoryRequest(Body):
    """Request scores of customers whose whole history is in the body."""

    as_of: Moment
    histories: Annotated[list[HistoryBody], Field(min_length=1, max_length=MAX_HISTORIES), FailFast()]
    target: Target = "churn"
    reasons: int = Field(5, ge=0, le=30)
    horizons: Horizons = HORIZONS
    language: Language | None = None


def _as_cell(value: object, validate: ValidatorFunctionWrapHandler) -> object:
    """Say in one sentence what a cell may be; a union names each of its types."""
    try:
        return validate(value)
    except ValidationError as error:
        kinds = "a text of at most 4,000 characters, a number, true, false or null"
        raise PydanticCustomError("cell", f"Input should be {kinds}") from error


_Cell = Annotated[Annotated[str, StringConstraints(max_length=4_000)] | float | bool | None, WrapValidator(_as_cell)]
_Cells = Annotated[dict[Id, _Cell], Field(max_length=_MAX_KEYS)]
MAX_EVENTS = 500


class ChangesRequest(Body):
    """Request what changed since a cursor, oldest first; cursor 0 gives the whole state."""

    since: int = Field(0, ge=0, le=2**63 - 1, description="The value of next of the last answer.")
    target: Target | None = None
    limit: int = Field(1_000, ge=1, le=10_000)


class EffectRequest(Body):
    """Request what contact did, as `rapport effect` measured it last."""


class Event(Body):
    """One new, late or corrected row of a customer, as the contract's table has it."""

    customer_id: Id
    table: Id
    row: _Cells | None = Field(None, description="The row; null deletes the row that 'corrects' or 'was' names.")
    event_id: Annotated[str, StringConstraints(max_length=200)] = Field(
        "", description="Your id of this event; sent again with the same row, it is stored once."
    )
    corrects: Annotated[str, StringConstraints(max_length=200)] = Field(
        "", description="The event_id of an earlier event that this one replaces."
    )
    was: _Cells | None = Field(None, description="Columns of a row of the source that this event replaces.")


class EventsRequest(Body):
    """Store events; scores, reasons and alerts follow within seconds."""

    events: Annotated[list[Event], Field(max_length=MAX_EVENTS), FailFast()] = Field(default_factory=list)
    customer_id: Id | None = Field(None, description="Short form: rows of one table of one customer.")
    table: Id | None = None
    rows: Annotated[list[_Cells], Field(max_length=MAX_EVENTS), FailFast()] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_events(self) -> Self:
        short = (self.customer_id, self.table, self.rows)
        if bool(self.events) == any(short) or (any(short) and not all(short)):
            raise PydanticCustomError("events", "Send either events, or customer_id with table and rows")
        return self
