"""What contracts paid after a cutoff: the outcome by which expected spend by contracts is judged."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rapport.features import Catalog, catalog, snapshot, vocabulary_of
from rapport.history import History
from rapport.scoring.models.matrix import Floats
from rapport.scoring.models.spend_model import CONTRACT_VALUE
from rapport.training.data.dataset import Dataset
from rapport.training.data.task_spec import TaskSpec


def contract_value_after(history: History, task: TaskSpec, dataset: Dataset) -> Floats:
    """Return what the contracts in force once each row's outcome was final pay, for the length of the horizon.

    A renewal that is a date only has no row that could show another amount: it pays as before.
    """
    customers = pa.array(dataset.customer_ids, pa.string()).dictionary_encode()
    codes = customers.indices.to_numpy()
    before = dataset.matrix.column(CONTRACT_VALUE)
    after = np.zeros(len(dataset))
    for index in np.unique(dataset.cutoff_index):
        rows = dataset.cutoff_index == index
        end = task.outcome_window.after(dataset.cutoffs[index])
        after[rows] = _value_at(history, task, min(end, task.as_of), customers.dictionary)[codes[rows]]
    return np.asarray(np.where(after > 0, after, np.nan_to_num(before)) * task.horizon_days / 365.0)


def _value_at(history: History, task: TaskSpec, moment: datetime, customers: pa.Array) -> Floats:
    feature = catalog(vocabulary_of(history, moment)).by_name[CONTRACT_VALUE]
    found = snapshot(history, moment, Catalog((feature,)), active=task.active, rule=task.rule)
    rows = pc.index_in(customers, found["customer_id"].cast(pa.string()).combine_chunks())
    values = found[CONTRACT_VALUE].cast(pa.float64()).take(rows).fill_null(0.0)
    return np.asarray(values.to_numpy())
