"""Monitor the champion: drift of features, scores and reasons, and outcomes that have matured since training."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from scipy.special import expit

from rapport.durations import parse_duration
from rapport.errors import TrainingError
from rapport.features import Catalog, Vocabulary, catalog, snapshot
from rapport.history import History
from rapport.languages import CODES
from rapport.localized import LocalizedText, localize, recorded_key, stored_list
from rapport.metrics import LARGE_DRIFT
from rapport.progress import Progress, no_progress
from rapport.scoring import Bundle
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.drift import FeatureDrift, feature_drift, score_drift
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.published import load_published
from rapport.training.command_result import text_table
from rapport.training.evaluation.served_part import served_of
from rapport.training.members.prediction import bundle_logits
from rapport.training.messages import localized
from rapport.training.monitoring.drift import reason_drift
from rapport.training.monitoring.matured_runs import StoredRun, matured_runs, stored_runs
from rapport.training.reports.pages import render_page

WORSE_AUC, WORSE_RATE, DRIFTED_SHARE = 0.05, 0.05, 0.2
STANDARD_ERRORS = 3.0
MAX_AGE = timedelta(days=366)
SHOWN, SAMPLE_ROWS = 15, 2_000


@dataclass(frozen=True)
class MonitorReport:
    """The findings; ``alerts`` are the reasons to retrain."""

    plain: Mapping[str, Any]
    alerts: tuple[LocalizedText, ...]

    @property
    def alert(self) -> bool:
        """Return whether there is an alert."""
        return bool(self.alerts)

    def as_dict(self) -> dict[str, Any]:
        """Return the values for programs."""
        return dict(self.plain) | stored_list("alerts", self.alerts)

    def as_text(self) -> str:
        """Return the lines for people."""
        found = self.plain
        lines = [
            f"{found['target']} {found['version']}, trained as of {found['trained_as_of'][:10]}, on "
            f"{found['as_of'][:10]}: {found['customers']:,} customers, mean probability "
            f"{found['mean_now']:.1%} (expected at training {found['mean_then']:.1%}).",
            f"Score drift {found['score_psi']:.2f} (PSI; above {LARGE_DRIFT} is large).",
            *([found["note"]] if found["note"] else []),
            text_table(
                [["feature", "PSI"], *([each["feature"], f"{each['psi']:.2f}"] for each in found["features"][:5])]
            ),
            found["matured_sentence"],
        ]
        return "\n".join([*lines, *(f"ALERT: {each.en}" for each in self.alerts)])

    def as_html(self, language: str) -> str:
        """Return a page that works offline, in a language."""
        alerts = [localize(each, language) for each in self.alerts]
        return render_page("monitor.html", language, report=self.plain, alerts=alerts, large=LARGE_DRIFT)


def monitor_champion(
    history: History, data_dir: Path, target: str, *, as_of: datetime, progress: Progress = no_progress
) -> MonitorReport:
    """Monitor the champion of ``target`` at ``as_of``; this only reads, so it is safe to run at any time."""
    bundle = load_published(data_dir, target)
    features = _bundle_catalog(bundle)
    progress("reading the current customers", 0.1)
    current = _current_rows(history, bundle, features, as_of)
    logits = bundle_logits(bundle, current)
    progress("measuring drift", 0.5)
    drifted = feature_drift(bundle, current)
    plain: dict[str, Any] = {
        "target": target,
        "version": bundle.version,
        "trained_as_of": str(bundle.provenance["as_of"]),
        "as_of": as_of.isoformat(),
        **{recorded_key("note", code): bundle.settings_mismatch(history.settings, code) for code in CODES},
        "customers": len(current),
        "mean_now": float(expit(logits).mean()),
        "mean_then": float(bundle.evaluation["level"]["expected_rate"]),
        "score_psi": score_drift(bundle, logits),
        "features": [_as_dict(each, bundle.by_name[each.name]) for each in drifted[:SHOWN]],
        "moved_share": float(np.mean([each.psi > LARGE_DRIFT for each in drifted])) if drifted else 0.0,
        "reasons": [
            {"family": name, "then": then, "now": today}
            for name, then, today in reason_drift(
                bundle, current.take(np.arange(0, len(current), 1 + len(current) // SAMPLE_ROWS))
            )
            if max(then, today) > 0.005
        ],
        "feedback": _feedback(data_dir, target),
    }
    progress("evaluating matured outcomes", 0.7)
    plain |= _matured(history, data_dir, bundle, features, as_of)
    return MonitorReport(plain, tuple(_alerts(plain, bundle)))


def _bundle_catalog(bundle: Bundle) -> Catalog:
    vocabulary = bundle.vocabulary or {}
    features = catalog(Vocabulary(**{name: tuple(values) for name, values in vocabulary.items()}))
    bundle.check_catalog(features)
    return features


def _current_rows(history: History, bundle: Bundle, features: Catalog, as_of: datetime) -> Matrix:
    customers = snapshot(
        history, as_of, features, active=parse_duration(bundle.active_window), present=bundle.tables, rule=bundle.rule
    )
    eligible = customers.filter(pc.equal(customers["state"], bundle.eligible))
    if not eligible.num_rows:
        raise TrainingError(
            f"On {as_of:%Y-%m-%d} nobody can be scored for {bundle.target}, so there is nothing to monitor. "
            "Use a newer history or another date."
        )
    return Matrix.of(eligible, bundle.columns)


def _matured(history: History, data_dir: Path, bundle: Bundle, features: Catalog, as_of: datetime) -> dict[str, Any]:
    """Judge the stored scoring runs whose horizon has passed: what they published beside what has happened."""
    runs = stored_runs(data_dir, bundle.target)
    found = matured_runs(history, runs, bundle, features, as_of)
    if not found:
        return {"matured": None} | _nothing_matured(runs, bundle).stored("matured_sentence")
    newest = found[0]
    measures = newest.measures
    sentence = localized(
        "monitor_text.matured",
        last=f"{newest.run.as_of:%Y-%m-%d}",
        version=newest.run.version,
        runs=len(found),
        rows=len(newest.label),
        predicted=measures["predicted"],
        observed=measures["observed"],
        auc=measures["auc"],
        error=measures["calibration_error"],
    )
    # Only the champion's own runs are compared with its evaluation at training.
    own = next((each.measures for each in found if each.run.version == bundle.version), None)
    bands = [band for each in found for band in each.bands]
    return {"matured": bands, "matured_measures": own, "matured_runs": len(found)} | sentence.stored("matured_sentence")


def _nothing_matured(runs: Sequence[StoredRun], bundle: Bundle) -> LocalizedText:
    if not runs:
        return localized("monitor_text.no_runs")
    first = bundle.rule.outcome_span(bundle.target, parse_duration(bundle.horizon)).after(runs[-1].as_of)
    return localized("monitor_text.no_outcome", first=f"{first:%Y-%m-%d}")


def _alerts(plain: Mapping[str, Any], bundle: Bundle) -> list[LocalizedText]:
    alerts = []
    if plain["score_psi"] > LARGE_DRIFT:
        alerts.append(localized("monitor_text.scores", psi=plain["score_psi"]))
    if plain["moved_share"] > DRIFTED_SHARE:
        alerts.append(localized("monitor_text.features", share=plain["moved_share"]))
    matured, expected = plain.get("matured_measures"), served_of(bundle.evaluation)
    if matured and "auc" in expected and matured["auc"] < expected["auc"] - _tolerance(WORSE_AUC, matured):
        alerts.append(localized("monitor_text.auc", now=matured["auc"], then=expected["auc"]))
    if matured and abs(matured["predicted"] - matured["observed"]) > _tolerance(WORSE_RATE, matured):
        rates = {"predicted": matured["predicted"], "observed": matured["observed"]}
        alerts.append(localized("monitor_text.level", **rates))
    age = datetime.fromisoformat(plain["as_of"]) - datetime.fromisoformat(plain["trained_as_of"])
    if age > MAX_AGE:
        alerts.append(localized("monitor_text.age", days=age.days))
    return alerts


def _tolerance(least: float, matured: Mapping[str, float]) -> float:
    return max(least, STANDARD_ERRORS * matured["std_error"])


def _feedback(data_dir: Path, target: str) -> dict[str, int]:
    """Count the users' feedback by verdict."""
    database = data_dir / "feedback.db"
    if not database.is_file():
        return {}
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        try:
            found = connection.execute(
                "SELECT verdict, count(*) FROM feedback WHERE target = ? GROUP BY verdict ORDER BY verdict", [target]
            ).fetchall()
        except sqlite3.OperationalError:
            # A database without a table yet.
            return {}
    return {str(verdict): int(count) for verdict, count in found}


def _as_dict(each: FeatureDrift, column: FeatureColumn) -> dict[str, object]:
    return {
        "feature": each.name,
        **column.text.stored("meaning"),
        "psi": each.psi,
        "missing_then": each.missing_then,
        "missing_now": each.missing_now,
    }
