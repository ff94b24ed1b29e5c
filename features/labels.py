"""Who is scored at each cutoff, and of whom the outcome came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rapport.features.chunks import Chunk
from rapport.features.ordered import Ordered, ordered
from rapport.features.question import Question
from rapport.features.sources import on_clock
from rapport.features.targets import TARGETS
from rapport.features.told import Told
from rapport.features.windows import Cutoff
from rapport.history import History

Flags = npt.NDArray[np.bool_]


@contextmanager
def labels(history: History, question: Question, cutoffs: Sequence[Cutoff]) -> Iterator[Labels]:
    """Give the labels of a question whose outcomes were noted."""
    tables = ["outcomes", "expiring"] if question.contracts_of(history.settings) else ["outcomes"]
    queries = {table: f"SELECT customer_id, day FROM {table} ORDER BY customer_id" for table in tables}
    with ordered(history, queries) as marks:
        yield Labels(marks, question, cutoffs, history.settings.zone)


class Labels:
    """Says of one part after the other, in order of customers, who is scored and how it came out."""

    def __init__(self, marks: Mapping[str, Ordered], question: Question, cutoffs: Sequence[Cutoff], zone: str) -> None:
        self._marks, self._target = marks, TARGETS[question.target]
        self._days = np.array([cutoff.day for cutoff in cutoffs])
        self._moments = pa.array([on_clock(cutoff, zone) for cutoff in question.cutoffs], pa.timestamp("us"))

    def moments(self, part: Told) -> pa.Array:
        """Return the cutoff of each row."""
        return self._moments.take(pa.array(part.cutoff))

    def scored(self, part: Told) -> pa.Table:
        """Return customer_id, measures, cutoff and label of those who are scored."""
        rows = (part.cutoff, part.customer)
        marked = {name: self._marked(marks, part.chunk)[rows] for name, marks in self._marks.items()}
        eligible = marked.get("expiring", part.columns["state"][0] == self._target.eligible)
        label = marked["outcomes"] if self._target.name == "conversion" else ~marked["outcomes"]
        chosen = part.take(eligible)
        table = chosen.table().append_column("cutoff", self.moments(chosen))
        return table.append_column("label", pa.array(label[eligible], pa.int8()))

    def _marked(self, marks: Ordered, chunk: Chunk) -> Flags:
        """Return who of the chunk is in a table with the day of each cutoff."""
        rows = marks.until(chunk.first + len(chunk.names))
        order = np.argsort(self._days)
        place = order[np.searchsorted(self._days[order], rows["day"].to_numpy())]
        found: Flags = np.zeros((len(self._days), len(chunk.names)), bool)
        found[place, rows["customer_id"].to_numpy() - chunk.first] = True
        return found
