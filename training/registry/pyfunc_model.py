"""The registered model as MLflow loads it: a bundle folder and the scorer, without pickle."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
from mlflow.pyfunc import PythonModel

from rapport.errors import BundleError
from rapport.scoring import Bundle, Scorer
from rapport.scoring.health.threshold import at_risk_threshold
from rapport.scoring.models.matrix import refuse_missing

SCORES, PROBABILITY, LABEL = "scores", "probability", "label"
OUTPUTS = (SCORES, PROBABILITY, LABEL)


class BundleModel(PythonModel):  # type: ignore[misc]  # MLflow publishes no types
    """Scores a frame of features: ``customer_id``, ``state`` and the columns of the catalog.

    ``model_config={"output": …}`` at loading chooses the answer: all scores, the probability alone, or the label that
    the risk band "high" stands for. The last two are what ``mlflow.models.evaluate`` reads.
    """

    def load_context(self, context: Any) -> None:
        """Load the bundle from the model's artifacts."""
        self.output = (getattr(context, "model_config", None) or {}).get("output", SCORES)
        if self.output not in OUTPUTS:
            raise BundleError(f"model_config output is '{self.output}'. Write one of: {', '.join(OUTPUTS)}.")
        self.scorer = Scorer(Bundle.load(Path(context.artifacts["bundle"])))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> Any:  # noqa: ARG002
        """Return one row a customer, equal to the scores of the batch and the service."""
        scores = self._scores(model_input)
        if self.output == SCORES:
            return scores
        probability = scores["probability"].to_numpy()
        if self.output == PROBABILITY:
            return probability
        bundle = self.scorer.bundle
        setting = bundle.provenance["settings"].get("at_risk_threshold")
        threshold = at_risk_threshold(bundle.base_rate, setting if isinstance(setting, int | float) else 0.0)
        return (probability >= threshold).astype("int64")

    def _scores(self, model_input: pd.DataFrame) -> pd.DataFrame:
        bundle = self.scorer.bundle
        features = model_input.assign(
            **{
                name: value
                for name, value in self._default_columns(len(model_input)).items()
                if name not in model_input
            }
        )
        # A missing feature is refused with a sentence; and CSV reads ids and codes as numbers.
        refuse_missing(list(features.columns), [column.name for column in bundle.columns])
        for column in bundle.columns:
            given = features[column.name]
            features[column.name] = _as_text(given) if column.is_category else given.astype("float64")
        for name in ("customer_id", "state"):
            features[name] = _as_text(features[name])
        as_of = pd.Timestamp(str(bundle.provenance["as_of"])).to_pydatetime()
        scored = self.scorer.score(pa.Table.from_pandas(features, preserve_index=False), as_of)
        scores: pd.DataFrame = scored.to_table().to_pandas()
        return scores

    def _default_columns(self, count: int) -> dict[str, list[str]]:
        # A frame with features only is scored as eligible customers in its own order.
        return {"customer_id": [str(row) for row in range(count)], "state": [self.scorer.bundle.eligible] * count}


def _as_text(values: pd.Series) -> pd.Series:
    """Return values as text; a missing one stays missing."""
    return values.map(lambda value: None if pd.isna(value) else str(value)).astype("object")


mlflow.models.set_model(BundleModel())
