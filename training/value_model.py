"""Spend if retained: a model of later spend that must beat the naive rule on later cutoffs, or else the rule."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.history import History
from rapport.scoring.models.evaluation_record import SpendRecord
from rapport.scoring.models.matrix import Floats, Matrix
from rapport.scoring.models.members.bg_nbd import BgNbdMember
from rapport.scoring.models.spend_model import CONTRACT_VALUE, SPEND, SpendModel
from rapport.training.contract_spend import contract_value_after
from rapport.training.data.dataset import BoolArray, Dataset
from rapport.training.data.task_spec import TaskSpec
from rapport.training.members.gamma_gamma import fit_gamma_gamma

KNOTS = 12
MIN_ROWS = 50
JUDGED_CUTOFFS = 3
NAIVE, NAIVE_OF_CONTRACTS, GAMMA_GAMMA = "as_last_year", "as_contracts", "gamma_gamma"


def fit_value_model(
    history: History, task: TaskSpec, dataset: Dataset, current: Matrix, bg_nbd: Mapping[datetime, BgNbdMember]
) -> tuple[SpendModel | None, SpendRecord]:
    """Return the shape with the least error on the newest cutoffs, refitted on all, and what was measured.

    Shapes are fitted on cutoffs whose horizon had passed before the judged ones; gamma-gamma, which needs no outcomes,
    at each of these from what was known then. Spend is net of returns, and the customers are those who stayed. A shape
    that does not beat the naive rule is not served: the rule is.

    Where contracts decide churn and nobody has orders, spend is what the contracts in force pay.
    """
    if task.target != "churn" or SPEND not in dataset.matrix.positions:
        return None, {}
    of_contracts = task.by_contract and _is_paid_by_contracts(dataset.matrix)
    rule = NAIVE_OF_CONTRACTS if of_contracts else NAIVE
    shapes = SHAPES_OF_CONTRACTS if of_contracts else SHAPES
    naive = (SpendModel.of_contracts if of_contracts else SpendModel.naive)(task.horizon_days)
    stayed = (dataset.label == 0) & ~np.isnan(dataset.matrix.column(naive.feature))
    observed = (contract_value_after if of_contracts else _observed)(history, task, dataset)
    later, earlier = _later_and_earlier(task, dataset)
    past = naive.past(dataset.matrix)
    judged, fitted_on = stayed & later, stayed & earlier
    if judged.sum() < MIN_ROWS:
        return naive, {"shape": rule, "rows": int(judged.sum())}
    rows = dataset.matrix.take(np.flatnonzero(judged))
    predicted = {rule: naive.expected(rows)}
    if fitted_on.sum() >= MIN_ROWS:
        predicted |= {
            shape: fit(naive, past[fitted_on], observed[fitted_on]).expected(rows) for shape, fit in shapes.items()
        }
    gamma_gamma = _gamma_gamma(current, bg_nbd.get(task.as_of))
    if gamma_gamma and (expected := _gamma_gamma_then(dataset, judged, bg_nbd)) is not None:
        predicted[GAMMA_GAMMA] = expected
    errors = {shape: _errors(values, predicted[rule], observed[judged]) for shape, values in predicted.items()}
    # The naive rule comes first: another shape has to be better than it.
    best = min(errors, key=lambda shape: errors[shape]["mean_error"])
    fitted = shapes[best](naive, past[stayed], observed[stayed]) if best in shapes else naive
    chosen = gamma_gamma if best == GAMMA_GAMMA else fitted
    mean_errors = {shape: each["mean_error"] for shape, each in errors.items()}
    return chosen, {"shape": best, "errors": mean_errors, **errors[best]}


def _is_paid_by_contracts(rows: Matrix) -> bool:
    """Return whether amounts of contracts are known, and no order has one."""
    if CONTRACT_VALUE not in rows.positions or not np.any(rows.column(CONTRACT_VALUE) > 0):
        return False
    return not np.any(rows.column(SPEND) > 0)


def _gamma_gamma(rows: Matrix, bg_nbd: BgNbdMember | None) -> SpendModel | None:
    fitted = fit_gamma_gamma(rows, bg_nbd) if bg_nbd else None
    return replace(SpendModel.naive(bg_nbd.horizon_days), gamma_gamma=fitted) if bg_nbd and fitted else None


def _gamma_gamma_then(dataset: Dataset, judged: BoolArray, bg_nbd: Mapping[datetime, BgNbdMember]) -> Floats | None:
    """Return the expected spend of the judged rows, each cutoff by the model of that time; None if one has none."""
    expected = np.full(len(dataset), np.nan)
    for index in np.unique(dataset.cutoff_index[judged]):
        here = dataset.cutoff_index == index
        model = _gamma_gamma(dataset.matrix.take(np.flatnonzero(here)), bg_nbd.get(dataset.cutoffs[index]))
        if model is None:
            return None
        rows = np.flatnonzero(here & judged)
        expected[rows] = model.expected(dataset.matrix.take(rows))
    return None if np.isnan(expected[judged]).any() else expected[judged]


def _later_and_earlier(task: TaskSpec, dataset: Dataset) -> tuple[BoolArray, BoolArray]:
    """Return the rows of the newest cutoffs, and those whose outcomes were known at the oldest of these."""
    used = sorted({dataset.cutoffs[index] for index in np.unique(dataset.cutoff_index)}, reverse=True)
    newest = used[:JUDGED_CUTOFFS]
    known = [cutoff for cutoff in used if task.horizon.after(cutoff) <= newest[-1]]
    places = {cutoff: index for index, cutoff in enumerate(dataset.cutoffs)}
    later = np.isin(dataset.cutoff_index, [places[each] for each in newest])
    return later, np.isin(dataset.cutoff_index, [places[each] for each in known])


def _linear(naive: SpendModel, past: Floats, observed: Floats) -> SpendModel:
    """Use the same share of past spend for every customer."""
    share = float(observed.sum() / max(past.sum(), 1e-9))
    return replace(naive, knots=(0.0, 1.0), values=(0.0, share))


def _monotone(naive: SpendModel, past: Floats, observed: Floats) -> SpendModel:
    """Use the mean observed spend in bins of equal count, never falling as past spend rises."""
    bins = [each for each in np.array_split(np.argsort(past, kind="stable"), KNOTS) if len(each)]
    knots = np.array([past[each].mean() for each in bins])
    values = np.array([observed[each].mean() for each in bins])
    knots, places = np.unique(knots, return_index=True)
    rising = np.maximum.accumulate(values[places])
    return replace(naive, knots=tuple(knots.tolist()), values=tuple(rising.tolist()))


SHAPES: Mapping[str, Callable[[SpendModel, Floats, Floats], SpendModel]] = {"line": _linear, "curve": _monotone}
SHAPES_OF_CONTRACTS = {f"{shape}_of_contracts": fit for shape, fit in SHAPES.items()}


def _errors(predicted: Floats, rule: Floats, observed: Floats) -> SpendRecord:
    """Compare predicted with observed spend; beside it the error of the naive rule."""
    return {
        "rows": len(observed),
        "mean_expected": float(predicted.mean()),
        "mean_observed": float(observed.mean()),
        "mean_error": float(np.abs(predicted - observed).mean()),
        "mean_error_as_last_year": float(np.abs(rule - observed).mean()),
        "rank_correlation": _rank_correlation(predicted, observed),
    }


def _rank_correlation(left: Floats, right: Floats) -> float:
    ranks = [np.argsort(np.argsort(values, kind="stable"), kind="stable") for values in (left, right)]
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if len(left) > 2 else float("nan")


def _observed(history: History, task: TaskSpec, dataset: Dataset) -> Floats:
    """Return each row's net spend in the horizon after its cutoff."""
    customers = pa.array(dataset.customer_ids, pa.string()).dictionary_encode()
    codes, observed = customers.indices.to_numpy(), np.zeros(len(dataset))
    for index in np.unique(dataset.cutoff_index):
        rows = dataset.cutoff_index == index
        observed[rows] = _spend_after(history, task, dataset.cutoffs[index], customers.dictionary)[codes[rows]]
    return observed


def _spend_after(history: History, task: TaskSpec, cutoff: datetime, customers: pa.Array) -> Floats:
    """Return what each customer ordered in the horizon after ``cutoff``, net of returns, as known at ``task.as_of``."""
    found = history.connection.sql(
        "SELECT customer_id, sum(amount) AS amount FROM orders WHERE ordered_at >= $1 AND ordered_at < $2 "
        "AND coalesce(recorded_at, ordered_at) < $3 GROUP BY customer_id",
        params=[cutoff, task.horizon.after(cutoff), task.as_of],
    ).to_arrow_table()
    rows = pc.index_in(customers, found["customer_id"].cast(pa.string()).combine_chunks())
    spend = found["amount"].cast(pa.float64()).take(rows).fill_null(0.0)
    return np.asarray(np.maximum(spend.to_numpy(), 0.0))
