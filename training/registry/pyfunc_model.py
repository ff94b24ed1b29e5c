"""The registered model as MLflow loads it: a bundle folder and the scorer, without pickle."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pyarrow as pa
from mlflow.pyfunc import PythonModel

from rapport.scoring import Bundle, Scorer


class BundleModel(PythonModel):  # type: ignore[misc]  # MLflow publishes no types
    """Scores a frame of features: ``customer_id``, ``state`` and the columns of the catalog."""

    def load_context(self, context: Any) -> None:
        """Load the bundle from the model's artifacts."""
        self.scorer = Scorer(Bundle.load(Path(context.artifacts["bundle"])))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Return one row a customer, equal to the scores of the batch and the service."""
        bundle = self.scorer.bundle
        features = model_input.assign(
            **{
                name: value
                for name, value in self._default_columns(len(model_input)).items()
                if name not in model_input
            }
        )
        for column in bundle.columns:
            if not column.is_category:
                features[column.name] = features[column.name].astype("float64")
        as_of = pd.Timestamp(str(bundle.provenance["as_of"])).to_pydatetime()
        scored = self.scorer.score(pa.Table.from_pandas(features, preserve_index=False), as_of)
        scores: pd.DataFrame = scored.to_table().to_pandas()
        return scores

    def _default_columns(self, count: int) -> dict[str, list[str]]:
        # A frame with features only is scored as eligible customers in its own order.
        return {"customer_id": [str(row) for row in range(count)], "state": [self.scorer.bundle.eligible] * count}


mlflow.models.set_model(BundleModel())
