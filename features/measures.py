"""Measures: mergeable partial aggregates of past events, and arithmetic on them.

A window aggregate is one aggregate of one event stream in one window of whole days before the cutoff. Every aggregated
number is an integer (days, or fixed point with four decimals), so merging is exact and the order of rows, chunks or
threads changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIXED_POINT_SCALE = 10_000
"""Numbers of the history (amounts, hours, scores) are aggregated as integers: the value times this scale."""

LATEST_SHIFT = 1 << 32
"""``latest`` packs (second, value) into one integer, so that it merges by maximum; the value takes the low 32 bits."""

LATEST_OFFSET = LATEST_SHIFT // 2
"""Added to a packed value, so that negative values pack too."""


class Measure:
    """A number about one customer at one cutoff; null where it is unknown."""

    def __add__(self, other: Measure | float) -> Measure:
        return Binary("+", self, measure(other))

    def __sub__(self, other: Measure | float) -> Measure:
        return Binary("-", self, measure(other))

    def __rsub__(self, other: float) -> Measure:
        return Binary("-", measure(other), self)

    def __mul__(self, other: Measure | float) -> Measure:
        return Binary("*", self, measure(other))

    def __truediv__(self, other: Measure | float) -> Measure:
        """Divide; null where the divisor is 0."""
        return Binary("/", self, measure(other))

    def parts(self) -> tuple[Measure, ...]:
        """Return the operands of this measure."""
        return ()

    def window_aggregates(self) -> Iterator[WindowAggregate]:
        """Yield every window aggregate in the expression, left to right, repeats included."""
        for part in self.parts():
            yield from part.window_aggregates()


@dataclass(frozen=True)
class PartialAggregate:
    """One column of partial aggregates of a stream: the aggregate function, its column, and a filter of rows."""

    stream: str
    how: str
    column: str | None = None
    where: str | None = None

    @property
    def name(self) -> str:
        """Return the name of its column."""
        return "__".join([self.how, self.column or "rows", self.where or "all"])


@dataclass(frozen=True)
class WindowAggregate(Measure):
    """A partial aggregate merged over the days ``[cutoff - days, cutoff - skip)``; ``days=None`` is all the past."""

    partial: PartialAggregate
    days: int | None = None
    skip: int = 0

    @property
    def name(self) -> str:
        """Return the name of the merged column within its stream."""
        return f"{self.partial.name}__{'ever' if self.days is None else self.days}__{self.skip}"

    @property
    def column(self) -> str:
        """Return the name of the merged column among those of all streams."""
        return f"{self.partial.stream}__{self.name}"

    def window_aggregates(self) -> Iterator[WindowAggregate]:
        """Yield itself."""
        yield self


@dataclass(frozen=True)
class Constant(Measure):
    """A constant."""

    value: float


@dataclass(frozen=True)
class Binary(Measure):
    """A binary operation: ``+ - * /``, ``max`` or ``min``; null if either operand is null."""

    operator: str
    left: Measure
    right: Measure

    def parts(self) -> tuple[Measure, ...]:
        """Return both sides."""
        return (self.left, self.right)


@dataclass(frozen=True)
class Unary(Measure):
    """A unary operation: ``sqrt`` (null below 0), ``since`` (day → days before the cutoff) or ``until``."""

    operator: str
    inner: Measure

    def parts(self) -> tuple[Measure, ...]:
        """Return the inner measure."""
        return (self.inner,)


@dataclass(frozen=True)
class Coalesce(Measure):
    """The first measure, or the second where the first is null."""

    first: Measure
    second: Measure

    def parts(self) -> tuple[Measure, ...]:
        """Return both."""
        return (self.first, self.second)


@dataclass(frozen=True)
class When(Measure):
    """``then`` where ``test`` is above 0, else null."""

    test: Measure
    then: Measure

    def parts(self) -> tuple[Measure, ...]:
        """Return the test and the value."""
        return (self.test, self.then)


def measure(value: Measure | float) -> Measure:
    """Return ``value`` as a measure."""
    return value if isinstance(value, Measure) else Constant(float(value))


def larger(left: Measure | float, right: Measure | float) -> Measure:
    """Return the larger of two measures; null if either is null."""
    return Binary("max", measure(left), measure(right))


def smaller(left: Measure | float, right: Measure | float) -> Measure:
    """Return the smaller of two measures; null if either is null."""
    return Binary("min", measure(left), measure(right))


def square_root(inner: Measure) -> Measure:
    """Return the square root; null below 0."""
    return Unary("sqrt", inner)


@dataclass(frozen=True)
class Events:
    """The rows of one event stream: the start of every measure.

    Windows are ``[cutoff - days, cutoff - skip)`` in whole days; ``where`` names a flag of the stream.
    """

    stream: str

    def count(self, days: int | None = None, *, skip: int = 0, where: str | None = None) -> WindowAggregate:
        """Count rows; 0 if there are none."""
        return WindowAggregate(PartialAggregate(self.stream, "count", None, where), days, skip)

    def sum(self, column: str, days: int | None = None, *, skip: int = 0, where: str | None = None) -> WindowAggregate:
        """Sum a column; 0 if there are no rows."""
        return WindowAggregate(PartialAggregate(self.stream, "sum", column, where), days, skip)

    def sum_of_squares(self, column: str, days: int | None = None, *, where: str | None = None) -> WindowAggregate:
        """Sum the squares of an integer column; 0 if there are no rows."""
        return WindowAggregate(PartialAggregate(self.stream, "squares", column, where), days)

    def largest(
        self, column: str, days: int | None = None, *, skip: int = 0, where: str | None = None
    ) -> WindowAggregate:
        """Return the largest value; null if there are no rows."""
        return WindowAggregate(PartialAggregate(self.stream, "max", column, where), days, skip)

    def smallest(self, column: str, days: int | None = None, *, where: str | None = None) -> WindowAggregate:
        """Return the smallest value; null if there are no rows."""
        return WindowAggregate(PartialAggregate(self.stream, "min", column, where), days)

    def latest(self, column: str, days: int | None = None, *, where: str | None = None) -> WindowAggregate:
        """Return the value of the newest row (the larger of two in the same second); null if there are no rows."""
        return WindowAggregate(PartialAggregate(self.stream, "latest", column, where), days)

    def count_known(
        self, column: str, days: int | None = None, *, skip: int = 0, where: str | None = None
    ) -> WindowAggregate:
        """Count rows in which a column is not null."""
        return WindowAggregate(PartialAggregate(self.stream, "known", column, where), days, skip)

    def mean(self, column: str, days: int | None = None, *, skip: int = 0, where: str | None = None) -> Measure:
        """Return the mean of a column over the rows in which it is not null; null if there are none."""
        total = self.sum(column, days, skip=skip, where=where)
        return total / self.count_known(column, days, skip=skip, where=where)

    def standard_deviation(self, column: str, days: int | None = None) -> Measure:
        """Return the population standard deviation of an integer column; null if there are no rows."""
        count = self.count_known(column, days)
        mean = self.sum(column, days) / count
        return square_root(self.sum_of_squares(column, days) / count - mean * mean)

    def share(self, where: str, days: int | None = None) -> Measure:
        """Return the share of rows with a flag; null if there are no rows."""
        return self.count(days, where=where) / self.count(days)

    def days_since_last(self, *, where: str | None = None) -> Measure:
        """Return whole days from the newest row to the cutoff, 0 within the last 24 hours; null if there are none."""
        return Unary("since", self.largest("day", where=where))

    def days_since_first(self, *, where: str | None = None) -> Measure:
        """Return whole days from the oldest row to the cutoff; null if there are none."""
        return Unary("since", self.smallest("day", where=where))

    def ratio(self, days: int, against: int, *, where: str | None = None) -> Measure:
        """Return rows per day in the newest ``days`` over rows per day in the ``against`` days before them."""
        recent = self.count(days, where=where)
        return recent * (against / days) / self.count(days + against, skip=days, where=where)


def slope(values: Sequence[Measure]) -> Measure:
    """Return the least-squares slope per step of equally spaced values, oldest first."""
    centre = (len(values) - 1) / 2
    spread = sum((step - centre) ** 2 for step in range(len(values)))
    total: Measure = Constant(0.0)
    for step, value in enumerate(values):
        total = total + value * ((step - centre) / spread)
    return total
