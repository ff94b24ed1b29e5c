"""Reason drift: how each family's share of the evidence moved since training."""

from rapport.scoring import Bundle
from rapport.scoring.models.matrix import Matrix
from rapport.training.evaluation.diagnostics import family_importance


def reason_drift(bundle: Bundle, current: Matrix) -> list[tuple[str, float, float]]:
    """Return each family's share of the evidence at training and now."""
    before = {each["family"]: float(each["share"]) for each in bundle.evaluation.get("importance", [])}
    after = {each["family"]: float(each["share"]) for each in family_importance(bundle, current)}
    names = sorted(before | after, key=lambda name: -max(before.get(name, 0.0), after.get(name, 0.0)))
    return [(name, before.get(name, 0.0), after.get(name, 0.0)) for name in names]
