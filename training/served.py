"""The registered model, as MLflow loads it: a bundle's folder and the scorer, no pickle anywhere."""

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
        """Read the bundle from the model's own files."""
        self.scorer = Scorer(Bundle.load(Path(context.artifacts["bundle"])))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Return one row a customer, equal to what the batch and the service say."""
        bundle = self.scorer.bundle
        given = model_input.assign(
            **{name: value for name, value in self._absent(len(model_input)).items() if name not in model_input}
        )
        for column in bundle.columns:
            if not column.is_category:
                given[column.name] = given[column.name].astype("float64")
        as_of = pd.Timestamp(str(bundle.record["as_of"])).to_pydatetime()
        scored = self.scorer.score(pa.Table.from_pandas(given, preserve_index=False), as_of)
        told: pd.DataFrame = scored.to_table().to_pandas()
        return told

    def _absent(self, count: int) -> dict[str, list[str]]:
        # A frame of features alone is scored as one of eligible customers in the order given.
        return {"customer_id": [str(place) for place in range(count)], "state": [self.scorer.bundle.eligible] * count}


mlflow.models.set_model(BundleModel())
