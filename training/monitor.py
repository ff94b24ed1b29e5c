"""Is the champion still good: drift of features, scores and reasons, and the outcomes that have matured since."""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from rapport.features import Catalog, Vocabulary, catalog, snapshot
from rapport.history import History
from rapport.history.contract import Words
from rapport.scoring import Bundle, shelf
from rapport.scoring.columns import Column
from rapport.scoring.matrix import Matrix
from rapport.training.drift import LARGE, Moved, features_moved, logits_now, reasons_moved, score_moved
from rapport.training.evaluate import measures
from rapport.training.gates import remapped
from rapport.training.pages import page, words
from rapport.training.recipe import silent
from rapport.training.rows import Question, labelled
from rapport.training.standing import calibration
from rapport.training.told import table
from scipy.special import expit

from rapport.durations import parse_span
from rapport.errors import TrainingError

Progress = Callable[[str, float], None]
WORSE_AUC, WORSE_LEVEL, MOVED_SHARE = 0.05, 0.05, 0.2
SURE = 3.0
SHOWN, SOME = 15, 2_000
# These say what day it is rather than how customers are, like all that counts since ever; they always move.
CLOCKS = ("customer_age_days", "first_order_days_ago", "age_weeks_log", "days_since_first_touch", "order_life_days")
SINCE_EVER = "_ever"


@dataclass(frozen=True)
class Watched:
    """What was found; ``alerts`` are the sentences that ask for a new training."""

    plain: Mapping[str, Any]
    alerts: tuple[Words, ...]

    @property
    def alert(self) -> bool:
        """Return whether someone should look."""
        return bool(self.alerts)

    def as_dict(self) -> dict[str, Any]:
        """Give the values for programs."""
        return dict(self.plain) | {
            "alerts": [each.en for each in self.alerts],
            "alerts_zh": [each.zh for each in self.alerts],
        }

    def as_text(self) -> str:
        """Give the lines for people."""
        told = self.plain
        lines = [
            f"{told['target']} {told['version']}, trained as of {told['trained_as_of'][:10]}, on {told['as_of'][:10]}: "
            f"{told['customers']:,} customers, mean probability {told['mean_now']:.1%} (expected at training "
            f"{told['mean_then']:.1%}).",
            f"Scores moved by {told['score_psi']:.2f} (PSI; above {LARGE} is large).",
            *([told["note"]] if told["note"] else []),
            table([["feature", "PSI"], *([each["feature"], f"{each['psi']:.2f}"] for each in told["features"][:5])]),
            told["matured_sentence"],
        ]
        return "\n".join([*lines, *(f"ALERT: {each.en}" for each in self.alerts)])

    def as_html(self, language: str) -> str:
        """Give a page that works offline, in English or Chinese."""
        alerts = [getattr(each, language) for each in self.alerts]
        return page("monitor.html", language, told=self.plain, alerts=alerts, large=LARGE)


def monitor(history: History, home: Path, target: str, *, as_of: datetime, progress: Progress = silent) -> Watched:
    """Watch the champion of ``target`` at ``as_of``; reads only, so that it is safe to run at any time."""
    bundle = Bundle.load(shelf.champion(home, target))
    features = _catalog_of(bundle)
    progress("reading the customers of today", 0.1)
    now = _rows_now(history, bundle, features, as_of)
    logits = logits_now(bundle, now)
    progress("looking for drift", 0.5)
    moved = [each for each in features_moved(bundle, now) if not _is_clock(each.name)]
    plain: dict[str, Any] = {
        "target": target,
        "version": bundle.version,
        "trained_as_of": str(bundle.record["as_of"]),
        "as_of": as_of.isoformat(),
        "note": bundle.says_otherwise(history.settings),
        "note_zh": bundle.says_otherwise(history.settings, "zh"),
        "customers": len(now),
        "mean_now": float(expit(logits).mean()),
        "mean_then": float(bundle.evaluation["level"]["expected_rate"]),
        "score_psi": score_moved(bundle, logits),
        "features": [_as_dict(each, bundle.by_name[each.name]) for each in moved[:SHOWN]],
        "moved_share": float(np.mean([each.psi > LARGE for each in moved])) if moved else 0.0,
        "reasons": [
            {"family": name, "then": then, "now": today}
            for name, then, today in reasons_moved(bundle, now.take(np.arange(0, len(now), 1 + len(now) // SOME)))
            if max(then, today) > 0.005
        ],
        "feedback": _feedback(home, target),
    }
    progress("judging matured outcomes", 0.7)
    plain |= _matured(history, bundle, features, as_of)
    return Watched(plain, tuple(_alerts(plain, bundle)))


def _catalog_of(bundle: Bundle) -> Catalog:
    words = bundle.vocabulary or {}
    features = catalog(Vocabulary(**{name: tuple(values) for name, values in words.items()}))
    bundle.refuse_unless_fits(features)
    return features


def _rows_now(history: History, bundle: Bundle, features: Catalog, as_of: datetime) -> Matrix:
    people = snapshot(
        history, as_of, features, active=parse_span(bundle.active), present=bundle.tables, rule=bundle.rule
    )
    chosen = people.filter(pc.equal(people["state"], bundle.eligible))
    if not chosen.num_rows:
        raise TrainingError(
            f"On {as_of:%Y-%m-%d} nobody can be scored for {bundle.target}, so there is nothing to watch. "
            "Give a newer history or another date."
        )
    return Matrix.of(chosen, bundle.columns)


def _matured(history: History, bundle: Bundle, features: Catalog, as_of: datetime) -> dict[str, Any]:
    """Judge the champion on customers whose horizon has passed since it was trained."""
    trained = datetime.fromisoformat(str(bundle.record["as_of"]))
    horizon = parse_span(bundle.horizon)
    last = bundle.rule.outcome_span(bundle.target, horizon).before(as_of)
    if last < trained:
        first = horizon.after(trained)
        return {"matured": None} | _matured_sentence(words("watch.no_outcome", first=f"{first:%Y-%m-%d}"))
    question = Question(bundle.target, as_of, horizon, parse_span(bundle.active), bundle.rule)
    try:
        rows = labelled(history, question, [last], features)
    except TrainingError as error:
        return {"matured": None} | _matured_sentence(Words(str(error), str(error)))
    said = expit(logits_now(bundle, remapped(rows.matrix, bundle)))
    came = float(rows.label.mean())
    found = measures(rows.label, said) | {"said": float(said.mean()), "came": came}
    found["chance"] = float(np.sqrt(came * (1 - came) / len(rows)))
    figures = {"said": found["said"], "came": came, "auc": found["auc"], "error": found["calibration_error"]}
    sentence = words("watch.matured", last=f"{last:%Y-%m-%d}", rows=len(rows), **figures)
    bands = [
        {"as_of": f"{last:%Y-%m-%d}", "band": place} | part
        for place, part in enumerate(calibration(rows.label, said), 1)
    ]
    return {"matured": bands, "matured_measures": found} | _matured_sentence(sentence)


def _alerts(told: Mapping[str, Any], bundle: Bundle) -> list[Words]:
    said = []
    if told["score_psi"] > LARGE:
        said.append(words("watch.scores", psi=told["score_psi"]))
    if told["moved_share"] > MOVED_SHARE:
        said.append(words("watch.features", share=told["moved_share"]))
    found, expected = told.get("matured_measures"), bundle.evaluation["measures"].get("blend")
    if found and expected and found["auc"] < expected["auc"] - max(WORSE_AUC, SURE * found["chance"]):
        said.append(words("watch.auc", now=found["auc"], then=expected["auc"]))
    if found and abs(found["said"] - found["came"]) > max(WORSE_LEVEL, SURE * found["chance"]):
        said.append(words("watch.level", said=found["said"], came=found["came"]))
    age = datetime.fromisoformat(told["as_of"]) - datetime.fromisoformat(told["trained_as_of"])
    if age > timedelta(days=366):
        said.append(words("watch.age", days=age.days))
    return said


def _matured_sentence(sentence: Words) -> dict[str, str]:
    return {"matured_sentence": sentence.en, "matured_sentence_zh": sentence.zh}


def _feedback(home: Path, target: str) -> dict[str, int]:
    """Count what people said of the scores, by verdict."""
    kept = home / "feedback.db"
    if not kept.is_file():
        return {}
    with sqlite3.connect(f"file:{kept}?mode=ro", uri=True) as connection:
        try:
            found = connection.execute(
                "SELECT verdict, count(*) FROM feedback WHERE target = ? GROUP BY verdict ORDER BY verdict", [target]
            ).fetchall()
        except sqlite3.OperationalError:
            # A file that has not been written to yet.
            return {}
    return {str(verdict): int(count) for verdict, count in found}


def _is_clock(name: str) -> bool:
    return name in CLOCKS or name.endswith(SINCE_EVER)


def _as_dict(each: Moved, column: Column) -> dict[str, Any]:
    return {
        "feature": each.name,
        "meaning": column.en,
        "meaning_zh": column.zh,
        "psi": each.psi,
        "missing_then": each.missing_then,
        "missing_now": each.missing_now,
    }
