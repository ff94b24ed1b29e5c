"""What a training's MLflow run says, read from its bundle: parameters, metrics, tags, data, signature, example."""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pandas as pd
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric
from mlflow.models import ModelSignature
from mlflow.types.schema import AnyType, ColSpec, DataType, Schema

from rapport.scoring import Bundle
from rapport.scoring.models.evaluation_record import TrialRecord
from rapport.scoring.models.score_batch import NUMERIC_COLUMNS, TEXT_COLUMNS
from rapport.training.evaluation.served_part import served_of

_NOT_IN_NAMES = re.compile(r"[^\w\-. /]+")
_MOST_CHARACTERS = 500


def signature_of(bundle: Bundle) -> ModelSignature:
    """Return the columns that the model reads and writes; numbers may be of any type, and features only suffice."""
    read = [ColSpec(AnyType(), name, required=False) for name in ("customer_id", "state")]
    read += [ColSpec(AnyType(), column.name, required=False) for column in bundle.columns]
    written = [
        *(ColSpec(DataType.string, name) for name in TEXT_COLUMNS),
        *(ColSpec(DataType.double, name, required=False) for name in NUMERIC_COLUMNS),
    ]
    return ModelSignature(inputs=Schema(read), outputs=Schema(written))


def example_of(bundle: Bundle) -> pd.DataFrame:
    """Return an example of the input: the typical customer of the training data, who is nobody."""
    typical = {column.name: bundle.reference.typical_value(column) for column in bundle.columns}
    return pd.DataFrame([{"customer_id": "example", "state": bundle.eligible, **typical}])


def datasets_of(bundle: Bundle) -> dict[str, MetaDataset]:
    """Return the rows by their use, as MLflow lists them: digest and origin; the rows stay where they are."""
    provenance = bundle.provenance
    about = {"as_of": str(provenance["as_of"]), "cutoffs": str(len(provenance["cutoffs"]))}
    found = {"training": _dataset(bundle, "training rows", about)}
    if validated := bundle.evaluation["slices"]:
        folds = {"cutoffs": ", ".join(fold["cutoff"] for fold in validated), "rows": str(bundle.evaluation["rows"])}
        found["evaluation"] = _dataset(bundle, "validation rows", folds)
    return found


def params_of(bundle: Bundle) -> dict[str, str]:
    """Return the task, the fingerprints, and how the trees were fitted, seeds included."""
    provenance = bundle.provenance
    found = {
        "target": bundle.target,
        "horizon": bundle.horizon,
        "active": bundle.active_window,
        "basis": bundle.fallback.label,
        "as_of": provenance["as_of"],
        "cutoffs": len(provenance["cutoffs"]),
        "features": len(bundle.columns),
        "data_fingerprint": provenance["data_fingerprint"],
        "catalog_fingerprint": provenance["catalog_fingerprint"],
        "search": provenance.get("search", 0),
    }
    for part, params in provenance.get("gbm_params", {}).items():
        found |= {f"gbm.{part}.{name}": value for name, value in params.items()}
        found[f"gbm.{part}.seeds"] = ", ".join(map(str, range(int(params["seeds"]))))
    found |= {f"version.{name}": value for name, value in provenance["versions"].items()}
    return {name: str(value)[:_MOST_CHARACTERS] for name, value in found.items()}


def tags_of(bundle: Bundle) -> dict[str, str]:
    """Return the tags of the run and of the registered version."""
    return {
        "target": bundle.target,
        "grade": bundle.grade,
        "bundle_version": bundle.version,
        "horizon": bundle.horizon,
        "trained_until": str(bundle.provenance["as_of"])[:10],
    }


def metrics_of(bundle: Bundle) -> dict[str, float]:
    """Return the metrics of every member and baseline, the served part and each segment, and the weights."""
    evaluation = bundle.evaluation
    found = {
        f"{member}.{name}": value
        for member, metrics in evaluation["measures"].items()
        for name, value in metrics.items()
    }
    found |= {f"served.{name}": value for name, value in served_of(evaluation).items() if isinstance(value, float)}
    found |= {f"weight.{name}": weight for name, weight in evaluation["weights"].items()}
    for segment in evaluation.get("segments") or ():
        name = _NOT_IN_NAMES.sub("-", f"segment.{segment['by']}.{segment['value']}")
        measured = {"auc": segment["auc"], "rate": segment["rate"], "predicted": segment["predicted"]}
        found |= {f"{name}.{figure}": value for figure, value in measured.items() if value is not None}
        found[f"{name}.count"] = segment["count"]
    return {name: float(value) for name, value in found.items() if not math.isnan(value)}


def fold_metrics_of(bundle: Bundle) -> Iterator[Metric]:
    """Yield the metrics of each validation cutoff, as a series over the cutoffs: oldest first."""
    folds = sorted(bundle.evaluation["slices"], key=lambda fold: str(fold["cutoff"]))
    for step, fold in enumerate(folds):
        at = int(datetime.fromisoformat(fold["cutoff"]).replace(tzinfo=UTC).timestamp() * 1000)
        for name in ("auc", "log_loss", "calibration_error", "rate", "expected"):
            if not math.isnan(fold[name]):
                yield Metric(f"cutoff.{name}", float(fold[name]), at, step)


def trials_of(bundle: Bundle) -> list[TrialRecord]:
    """Return the trials of the parameter search, with their parameters and validation log loss."""
    return list(bundle.evaluation.get("search", {}).get("trials", ()))


def description_of(bundle: Bundle) -> tuple[str, str]:
    """Return what the registered model answers, and how good this version is."""
    question = "leaves" if bundle.is_risk else "buys"
    about = f"Chance that a customer {question} within {bundle.horizon}, with reasons that add up to the number."
    grade = bundle.evaluation.get("grade", {}).get("sentence", f"Grade {bundle.grade}.")
    return about, f"{about} {grade}"


def _dataset(bundle: Bundle, name: str, about: dict[str, str]) -> MetaDataset:
    digest = bundle.provenance["data_fingerprint"][:32]
    return MetaDataset(CodeDatasetSource(tags=about), name=f"{bundle.target} {name}", digest=digest)
