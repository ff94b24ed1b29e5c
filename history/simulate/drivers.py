"""Why the simulated customers churn and leads convert: hidden drivers, and the events that they cause.

Each driver is a small Markov chain of monthly states: 0 quiet, 1 troubled (or warm), 2 serious (or hot). Its
states add to the monthly hazard of churn (or conversion), and change the rates and outcomes of events.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from rapport.history.simulate.calendar import Floats


@dataclass(frozen=True)
class Driver:
    """A hidden Markov chain, named after the feature family that shows it; its probabilities are monthly."""

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
    def transitions(self) -> Floats:
        """Return the transition matrix, from row to column."""
        first = [1 - self.onset - self.skip, self.onset, self.skip]
        return np.array(
            [
                first,
                [self.calm, 1 - self.calm - self.worsen, self.worsen],
                [self.heal, self.ease, 1 - self.heal - self.ease],
            ]
        )


CHURN_DRIVERS = (
    Driver("service", (0.0, 0.03, 0.26)),
    Driver("satisfaction", (0.0, 0.03, 0.22)),
    Driver("payment", (0.0, 0.03, 0.24)),
    Driver("relationship", (0.0, 0.03, 0.24)),
    Driver("engagement", (0.0, 0.03, 0.24)),
    Driver("risk", (0.0, 0.03, 0.26)),
    Driver("rhythm", (0.0, 0.02, 0.12), onset=0.006),
)
RHYTHM_FACTORS = np.array([1.0, 0.6, 0.25])

# Additive parts of the churn hazard that are not Markov chains.
BASE_HAZARD = 0.001
NEWCOMER_HAZARD = 0.008
NEWCOMER_MONTHS = 5.0
CONTRACTED = 0.55
CONTRACT_END_HAZARD = 0.03
RENEWAL_RATE, RENEWAL_RATE_AFTER_CHURN = 0.93, 0.45
LOW_ORDER_RATE = 0.45

CONVERSION_DRIVERS = (
    Driver("marketing", (0.0, 0.025, 0.11), 0.007, worsen=0.20, calm=0.22, ease=0.05, heal=0.08, skip=0.0, first=0.45),
    Driver("engagement", (0.0, 0.03, 0.15), 0.007, worsen=0.20, calm=0.22, ease=0.05, heal=0.08, skip=0.0, first=0.20),
    Driver("opportunity", (0.0, 0.09, 0.33), 0.005, skip=0.003, worsen=0, calm=0, ease=0, heal=0, first=0.05),
)
LOSS_RATES = (0.0, 0.18, 0.08)
FIT_HAZARD = (0.0005, 0.005)

# Share of all contacts that continues after a customer has churned.
ACTIVITY_AFTER_CHURN = 0.6


@dataclass(frozen=True)
class EventRate:
    """An event with ``rate`` occurrences a month, multiplied by a factor for the state of each driver."""

    name: str
    rate: float
    by: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)


_FADING = (1.0, 0.4, 0.08)

CUSTOMER_EVENT_RATES = (
    EventRate("meeting", 0.40, {"engagement": _FADING}),
    EventRate("visit", 0.15, {"engagement": _FADING}),
    EventRate("call", 0.70, {"engagement": (1.0, 0.5, 0.2), "service": (1.0, 1.2, 1.4)}),
    EventRate("email", 1.10, {"engagement": (1.0, 0.5, 0.2)}),
    EventRate("chat", 0.40, {"engagement": _FADING}),
    EventRate("login", 0.80),
    EventRate("view", 0.50),
    EventRate("webinar", 0.05),
    EventRate("download", 0.08),
    EventRate("complaint", 0.015, {"service": (1.0, 35.0, 100.0)}),
    EventRate("support", 0.16),
    EventRate("nps", 0.20),
    EventRate("csat", 0.26),
    EventRate("referral", 0.06),
    EventRate("opportunity", 0.05, {"rhythm": (1.0, 0.6, 0.3)}),
)
LEAD_EVENT_RATES = (
    EventRate("meeting", 0.02, {"engagement": (1.0, 12.0, 40.0)}),
    EventRate("call", 0.06, {"engagement": (1.0, 6.0, 15.0)}),
    EventRate("email", 0.10, {"engagement": (1.0, 6.0, 15.0)}),
    EventRate("chat", 0.02, {"engagement": (1.0, 8.0, 20.0)}),
    EventRate("view", 0.06, {"marketing": (1.0, 16.0, 40.0)}),
    EventRate("click", 0.04, {"marketing": (1.0, 12.0, 25.0)}),
    EventRate("download", 0.01, {"marketing": (1.0, 15.0, 45.0)}),
    EventRate("webinar", 0.008, {"marketing": (1.0, 12.0, 40.0)}),
    EventRate("form", 0.004, {"marketing": (1.0, 12.0, 60.0)}),
    EventRate("cart", 0.002, {"marketing": (1.0, 10.0, 120.0)}),
)
