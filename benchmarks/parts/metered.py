"""What each step of measuring costs, and which features need it: processor seconds, told apart in one run."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from rapport.features import chunks, ordered, windows
from rapport.features.arrays import ArrayPlan
from rapport.features.arrays.steps import Steps
from rapport.features.feature import Feature
from rapport.features.measures import Leaf, Measure
from rapport.features.targets import STATE_MEASURES

Key = tuple[Any, ...]
Spent = Mapping[Key, float]


class Meter:
    """Processor seconds by what they were spent on; of all threads."""

    def __init__(self) -> None:
        self.spent: defaultdict[Key, float] = defaultdict(float)
        self._lock = threading.Lock()
        self._thread = threading.local()

    def timed(self, compute: Callable[..., Any], key: Callable[..., Key]) -> Callable[..., Any]:
        """Return what computes the same and notes what it took under the key of its arguments."""

        @wraps(compute)
        def metered(*given: Any) -> Any:
            began = time.thread_time()
            try:
                return compute(*given)
            finally:
                with self._lock:
                    self.spent[key(*given)] += time.thread_time() - began

        return metered

    @contextmanager
    def of(self, plan: ArrayPlan) -> Iterator[None]:
        """Meter all that is done with a plan: its steps, its windows, and the reading of its tables."""
        self._steps("rows", plan.rows)
        self._steps("finish", plan.finish.steps)
        kept = {(where, name): getattr(where, name) for where, name in _METERED}
        add = windows.Merged.add

        def added(merged: windows.Merged, stream: Any, rows: Any) -> None:
            self._thread.stream = stream.name
            add(merged, stream, rows)

        windows.Merged.add = added  # type: ignore[method-assign]
        for (where, name), compute in kept.items():
            setattr(where, name, self.timed(compute, getattr(self, _METERED[where, name])))
        try:
            yield
        finally:
            windows.Merged.add = add  # type: ignore[method-assign]
            for (where, name), compute in kept.items():
                setattr(where, name, compute)

    def _steps(self, program: str, steps: Steps) -> None:
        steps.steps = [
            (self.timed(compute, lambda *_, slot=slot: (program, slot)), reads)
            for slot, (compute, reads) in enumerate(steps.steps)
        ]

    def _placed(self, *_: Any) -> Key:
        return "placed", self._thread.stream

    def _laid(self, *_: Any) -> Key:
        return "laid", self._thread.stream

    def _leaf(self, *given: Any) -> Key:
        return "leaf", next(each for each in given if isinstance(each, Leaf)).column

    def _read(self, *_: Any) -> Key:
        return ("read",)


_METERED = {
    (windows._Windows, "__init__"): "_placed",
    (windows._Windows, "laid"): "_laid",
    (windows._Laid, "over"): "_leaf",
    (windows, "told"): "_leaf",
    (ordered.Ordered, "until"): "_read",
    (chunks.Chunk, "columns"): "_read",
}


class Needs:
    """Which of the metered work a measure needs."""

    def __init__(self, plan: ArrayPlan) -> None:
        self.plan = plan
        self.places = {stream.name: place for place, stream in enumerate(plan.streams)}

    def of(self, names: Iterable[str], measures: Mapping[str, Measure]) -> set[Key]:
        """Return the keys of all that these measures need."""
        arithmetic = _below(self.plan.finish.steps, [self.plan.finish.told[name] for name in names])
        leaves = {leaf for name in names for leaf in measures[name].leaves()}
        return self.of_leaves(leaves) | {("finish", slot) for slot in arithmetic}

    def of_leaves(self, leaves: Iterable[Leaf]) -> set[Key]:
        """Return the keys of all that these leaves need."""
        leaves = list(leaves)
        return {
            *(("leaf", leaf.column) for leaf in leaves),
            *(("laid", leaf.partial.stream, leaf.partial) for leaf in leaves),
            *(("placed", leaf.partial.stream) for leaf in leaves),
            *(("rows", slot) for slot in _below(self.plan.rows, self._reads(leaves))),
        }

    def _reads(self, leaves: Iterable[Leaf]) -> Iterator[int]:
        for leaf in leaves:
            place = self.places[leaf.partial.stream]
            slots = self.plan.reads[place]
            yield from (*slots[:2], slots[2 + self.plan.merges[place].partials.index(leaf.partial)])


def _below(steps: Steps, slots: Iterable[int]) -> set[int]:
    found, left = set[int](), list(slots)
    while left:
        slot = left.pop()
        if slot not in found:
            found.add(slot)
            left += steps.steps[slot][1]
    return found


def by_feature(plan: ArrayPlan, spent: Spent, features: Iterable[Feature]) -> dict[str, tuple[float, float]]:
    """Return what each feature costs alone, beyond the states, and what no other feature shares with it."""
    measures = dict(STATE_MEASURES) | {each.name: each.measure for each in features if each.measure is not None}
    needs, costs = Needs(plan), _by_partial(plan, spent)
    base = needs.of(STATE_MEASURES, measures)
    wanted = {name: needs.of([name], measures) - base for name in measures if name not in STATE_MEASURES}
    users = Counter(key for keys in wanted.values() for key in keys)
    return {
        name: (sum(costs[key] for key in keys), sum(costs[key] for key in keys if users[key] == 1))
        for name, keys in wanted.items()
    }


def by_stream(plan: ArrayPlan, spent: Spent) -> dict[str, float]:
    """Return what each stream costs alone: its rows, and its windows."""
    needs, costs = Needs(plan), _by_partial(plan, spent)
    return {stream.name: sum(costs[key] for key in needs.of_leaves(stream.leaves)) for stream in plan.streams}


def _by_partial(plan: ArrayPlan, spent: Spent) -> Spent:
    """Part what laying out took among the partials of a stream, which are laid out alike."""
    costs = defaultdict(float, spent)
    for stream, merge in zip(plan.streams, plan.merges, strict=True):
        for partial in merge.partials:
            costs["laid", stream.name, partial] = spent.get(("laid", stream.name), 0.0) / len(merge.partials)
    return costs
