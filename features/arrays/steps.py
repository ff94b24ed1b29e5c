"""A computation graph as a flat list of steps on arrays; equal subexpressions share one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

Step = tuple[Callable[..., object], tuple[int, ...]]
Inputs = Mapping[tuple[str, str], object]
Schedule = list[tuple[int, tuple[int, ...]]]
"""The slots to compute in order, each with the slots that are no longer read after it."""


class Steps:
    """Steps of a computation: each writes the slot of its own index and reads earlier slots."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.inputs: dict[tuple[str, str], int] = {}
        self._slots: dict[object, int] = {}
        self._constants: dict[int, object] = {}

    def step(self, key: Any, compute: Callable[..., Any], *reads: int) -> int:
        """Add a step, unless one with this key exists; return its slot."""
        if key not in self._slots:
            self._slots[key] = len(self.steps)
            self.steps.append((compute, reads))
        return self._slots[key]

    def input(self, table: str, name: str) -> int:
        """Return the slot of an input column."""
        slot = self.step((table, name), _not_computed)
        self.inputs[table, name] = slot
        return slot

    def constant(self, key: object, value: object) -> int:
        """Return the slot of a constant."""
        slot = self.step(key, _not_computed)
        self._constants[slot] = value
        return slot

    def needed(self, slots: Iterable[int]) -> set[int]:
        """Return these slots and all that they depend on."""
        needed, pending = set[int](), list(slots)
        while pending:
            slot = pending.pop()
            if slot not in needed:
                needed.add(slot)
                pending += self.steps[slot][1]
        return needed

    def inputs_of(self, slots: Iterable[int]) -> dict[tuple[str, str], int]:
        """Return the inputs that these slots depend on."""
        needed = self.needed(slots)
        return {key: slot for key, slot in self.inputs.items() if slot in needed}

    def schedule(self, slots: Iterable[int]) -> Schedule:
        """Return the steps that these slots depend on, in an order in which they can run."""
        wanted = set(slots)
        steps = sorted(self.needed(wanted) - set(self.inputs.values()) - self._constants.keys())
        last_use = {read: slot for slot in steps for read in self.steps[slot][1] if read not in wanted}
        unused: dict[int, list[int]] = {}
        for read, slot in last_use.items():
            unused.setdefault(slot, []).append(read)
        return [(slot, tuple(unused.get(slot, ()))) for slot in steps]

    def run(self, schedule: Schedule, inputs: Inputs) -> list[Any]:
        """Run the steps; return the slots, of which the wanted ones are filled."""
        slots: list[Any] = [None] * len(self.steps)
        for slot, value in self._constants.items():
            slots[slot] = value
        for key, slot in self.inputs.items():
            slots[slot] = inputs.get(key)
        steps = self.steps
        # The value under a null is never read, so the result of its arithmetic does not matter.
        with np.errstate(all="ignore"):
            for slot, unused in schedule:
                compute, reads = steps[slot]
                slots[slot] = compute(*[slots[read] for read in reads])
                for each in unused:
                    slots[each] = None
        return slots


def _not_computed(*_: object) -> object:
    raise AssertionError("input columns and constants are not computed")
