"""Gates: what must not get through from a broken feed to a published score."""

from rapport.history.checks.gates.baseline import Baseline
from rapport.history.checks.gates.registry import gate_facts, run_gates
from rapport.history.checks.gates.regular_days import newest_regular_day

__all__ = ["Baseline", "gate_facts", "newest_regular_day", "run_gates"]
