"""Why the invented customers leave and its leads buy: hidden drivers, and the marks that they leave.

Each driver is a small Markov chain of monthly states: 0 quiet, 1 troubled (or warm), 2 serious (or hot). Its
states add to the monthly hazard of leaving (or buying), and change how often things happen and how they go.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from rapport.history.simulate.clock import Floats


@dataclass(frozen=True)
class Driver:
    """A hidden chain named after the feature family that shows it; chances and hazards are monthly."""

    family: str
    hazard: tuple[float, float, float]
    onset: float = 0.0046
    worsen: float = 0.12
    calm: float = 0.25
    ease: float = 0.03
    heal: float = 0.08
    skip: float = 0.0023
    first: float = 0.0

    @cached_property
    def moves(self) -> Floats:
        """Return the chances of moving from state (row) to state (column)."""
        first = [1 - self.onset - self.skip, self.onset, self.skip]
        return np.array(
            [
                first,
                [self.calm, 1 - self.calm - self.worsen, self.worsen],
                [self.heal, self.ease, 1 - self.heal - self.ease],
            ]
        )


LEAVING = (
    Driver("service", (0.0, 0.03, 0.26)),
    Driver("satisfaction", (0.0, 0.03, 0.22)),
    Driver("payment", (0.0, 0.03, 0.24)),
    Driver("relationship", (0.0, 0.03, 0.24)),
    Driver("engagement", (0.0, 0.03, 0.24)),
    Driver("risk", (0.0, 0.03, 0.26)),
    Driver("rhythm", (0.0, 0.02, 0.12), onset=0.006),
)
RHYTHM_PACE = np.array([1.0, 0.6, 0.25])

# Additive parts of the leaving hazard that are no chain.
USUAL_HAZARD = 0.001
NEWCOMER_HAZARD = 0.008
NEWCOMER_MONTHS = 5.0
CONTRACTED = 0.55
CONTRACT_END_HAZARD = 0.03
RENEWS, RENEWS_THOUGH_GONE = 0.93, 0.45
RARE_ORDERS = 0.45

BUYING = (
    Driver("marketing", (0.0, 0.025, 0.11), 0.007, worsen=0.20, calm=0.22, ease=0.05, heal=0.08, skip=0.0, first=0.45),
    Driver("engagement", (0.0, 0.03, 0.15), 0.007, worsen=0.20, calm=0.22, ease=0.05, heal=0.08, skip=0.0, first=0.20),
    Driver("opportunity", (0.0, 0.09, 0.33), 0.005, skip=0.003, worsen=0, calm=0, ease=0, heal=0, first=0.05),
)
LOST = (0.0, 0.18, 0.08)
FIT_HAZARD = (0.0005, 0.005)

# What still happens of every kind of contact once a customer has silently gone.
AFTERGLOW = 0.6


@dataclass(frozen=True)
class Mark:
    """Something that happens ``rate`` times a month, more or less often by the state of drivers."""

    name: str
    rate: float
    by: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


_FADING = (1.0, 0.4, 0.08)

CUSTOMER_MARKS = (
    Mark("meeting", 0.40, {"engagement": _FADING}),
    Mark("visit", 0.15, {"engagement": _FADING}),
    Mark("call", 0.70, {"engagement": (1.0, 0.5, 0.2), "service": (1.0, 1.2, 1.4)}),
    Mark("email", 1.10, {"engagement": (1.0, 0.5, 0.2)}),
    Mark("chat", 0.40, {"engagement": _FADING}),
    Mark("login", 0.80),
    Mark("view", 0.50),
    Mark("webinar", 0.05),
    Mark("download", 0.08),
    Mark("complaint", 0.015, {"service": (1.0, 35.0, 100.0)}),
    Mark("support", 0.16),
    Mark("nps", 0.20),
    Mark("csat", 0.26),
    Mark("referral", 0.06),
    Mark("opportunity", 0.05, {"rhythm": (1.0, 0.6, 0.3)}),
)
LEAD_MARKS = (
    Mark("meeting", 0.02, {"engagement": (1.0, 12.0, 40.0)}),
    Mark("call", 0.06, {"engagement": (1.0, 6.0, 15.0)}),
    Mark("email", 0.10, {"engagement": (1.0, 6.0, 15.0)}),
    Mark("chat", 0.02, {"engagement": (1.0, 8.0, 20.0)}),
    Mark("view", 0.06, {"marketing": (1.0, 16.0, 40.0)}),
    Mark("click", 0.04, {"marketing": (1.0, 12.0, 25.0)}),
    Mark("download", 0.01, {"marketing": (1.0, 15.0, 45.0)}),
    Mark("webinar", 0.008, {"marketing": (1.0, 12.0, 40.0)}),
    Mark("form", 0.004, {"marketing": (1.0, 12.0, 60.0)}),
    Mark("cart", 0.002, {"marketing": (1.0, 10.0, 120.0)}),
)
