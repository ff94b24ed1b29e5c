"""A flat list of steps on arrays; what several results have in common is one step.

A column is ``(values, missing)``; ``missing`` is None where nothing is null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Step = tuple[Callable[..., Any], tuple[int, ...]]
Inputs = Mapping[tuple[str, str], Any]
Order = list[tuple[int, tuple[int, ...]]]
"""Steps to take, each with the slots that nothing reads after it."""


class Steps:
    """Steps that each have a slot for their result, and read the slots before it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.inputs: dict[tuple[str, str], int] = {}
        self._slots: dict[Any, int] = {}

    def step(self, key: Any, compute: Callable[..., Any], *reads: int) -> int:
        """Add a step, unless there is one of this key; return its slot."""
        if key not in self._slots:
            self._slots[key] = len(self.steps)
            self.steps.append((compute, reads))
        return self._slots[key]

    def given(self, table: str, name: str) -> int:
        """Return the slot of a column that is given."""
        slot = self.step((table, name), _given)
        self.inputs[table, name] = slot
        return slot

    def order(self, slots: Iterable[int]) -> Order:
        """Return the steps that these slots need, in an order in which they can be taken."""
        wanted = set(slots)
        needed, left = set(), list(wanted)
        while left:
            slot = left.pop()
            if slot not in needed:
                needed.add(slot)
                left += self.steps[slot][1]
        steps = sorted(needed - set(self.inputs.values()))
        last = {read: slot for slot in steps for read in self.steps[slot][1] if read not in wanted}
        done: dict[int, list[int]] = {}
        for read, slot in last.items():
            done.setdefault(slot, []).append(read)
        return [(slot, tuple(done.get(slot, ()))) for slot in steps]

    def run(self, order: Order, inputs: Inputs) -> list[Any]:
        """Take the steps; return what the wanted slots hold."""
        slots: list[Any] = [None] * len(self.steps)
        for key, slot in self.inputs.items():
            slots[slot] = inputs.get(key)
        steps = self.steps
        # What stands behind a null is never read, so what arithmetic makes of it does not matter.
        with np.errstate(all="ignore"):
            for slot, done in order:
                compute, reads = steps[slot]
                slots[slot] = compute(*[slots[read] for read in reads])
                for each in done:
                    slots[each] = None
        return slots


def _given(*_: Any) -> Any:
    raise AssertionError("inputs are given, not computed")
