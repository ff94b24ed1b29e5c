"""CPU seconds of each step of feature computation, and which features need it, measured in one run."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

from rapport.features.arrays.steps import Steps
from rapport.features.catalog.feature import Feature
from rapport.features.engine import customer_chunks, sorted_reader, window_merger
from rapport.features.engine.plan import Plan
from rapport.features.measures import Measure, WindowAggregate
from rapport.features.states import STATE_MEASURES

Key = tuple[Any, ...]
Spent = Mapping[Key, float]


class Meter:
    """Processor seconds by what they were spent on; of all threads."""

    def __init__(self) -> None:
        self.spent: defaultdict[Key, float] = defaultdict(float)
        self._lock = threading.Lock()

    def timed(self, compute: Callable[..., Any], key: Callable[..., Key]) -> Callable[..., Any]:
        """Return a function that records its CPU time under the key of its arguments."""

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
    def of(self, plan: Plan) -> Iterator[None]:
        """Meter a plan: its steps, its windows, and the reading of its tables."""
        self._steps("rows", plan.program)
        self._steps("finish", plan.finish.steps)
        names = [stream.stream.name for stream in plan.streams]
        keys: dict[str, Callable[..., Key]] = {
            "merged": lambda _, stream, __: ("merged", names[stream]),
            "columns": lambda *_: ("columns",),
            "read": lambda *_: ("read",),
        }
        kept = {(where, name): getattr(where, name) for where, name in _METERED}
        for (where, name), compute in kept.items():
            setattr(where, name, self.timed(compute, keys[_METERED[where, name]]))
        try:
            yield
        finally:
            for (where, name), compute in kept.items():
                setattr(where, name, compute)

    def _steps(self, program: str, steps: Steps) -> None:
        steps.steps = [
            (self.timed(compute, lambda *_, slot=slot: (program, slot)), reads)
            for slot, (compute, reads) in enumerate(steps.steps)
        ]


_METERED = {
    (window_merger.MergedWindows, "add"): "merged",
    (window_merger.AggregateLayout, "columns"): "columns",
    (sorted_reader.SortedReader, "until"): "read",
    (customer_chunks.CustomerChunk, "columns"): "read",
}


class Needs:
    """Which of the metered work a measure needs."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.index = {stream.stream.name: index for index, stream in enumerate(plan.streams)}

    def of(self, names: Iterable[str], measures: Mapping[str, Measure]) -> set[Key]:
        """Return the keys of all that these measures need."""
        arithmetic = self.plan.finish.steps.needed(self.plan.finish.slots[name] for name in names)
        aggregates = {each for name in names for each in measures[name].window_aggregates()}
        return self.of_aggregates(aggregates) | {("finish", slot) for slot in arithmetic}

    def of_aggregates(self, aggregates: Iterable[WindowAggregate]) -> set[Key]:
        """Return the keys of all that these window aggregates need."""
        aggregates = list(aggregates)
        return {
            *(("merged", each.partial.stream, each.partial) for each in aggregates),
            *(("rows", slot) for slot in self.plan.program.needed(self._reads(aggregates))),
        }

    def _reads(self, aggregates: Iterable[WindowAggregate]) -> Iterator[int]:
        for each in aggregates:
            stream = self.plan.streams[self.index[each.partial.stream]]
            yield from (stream.customer, stream.day, stream.partials[each.partial])


def by_feature(plan: Plan, spent: Spent, features: Iterable[Feature]) -> dict[str, tuple[float, float]]:
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


def by_stream(plan: Plan, spent: Spent) -> dict[str, float]:
    """Return what each stream costs alone: its rows, and its windows."""
    needs, costs = Needs(plan), _by_partial(plan, spent)
    return {
        each.stream.name: sum(costs[key] for key in needs.of_aggregates(each.merger.aggregates))
        for each in plan.streams
    }


def _by_partial(plan: Plan, spent: Spent) -> Spent:
    """Divide the cost of merging equally among the partial aggregates of a stream."""
    costs = defaultdict(float, spent)
    for each in plan.streams:
        for partial in each.partials:
            share = spent.get(("merged", each.stream.name), 0.0) / len(each.partials)
            costs["merged", each.stream.name, partial] = share
    return costs
