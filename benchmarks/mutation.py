"""How many small faults in metrics, limits, intervals and stacking the nearest tests find.

    python benchmarks/mutation.py [--scale small] [--only metrics]

A mutant is a module with one constant, comparison or operator changed. Each is imported in a forked process, in which
the tests beside the module run until one fails. Survivors are printed: a test is missing, or the change means nothing.
"""

import ast
import importlib
import importlib.util
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from parts.scale import options

ROOT = Path(__file__).parents[1]
TARGETS = {
    "rapport.metrics": ["spec/test_metrics.py", "spec/test_training_metrics.py", "spec/test_card_review.py"],
    "rapport.scoring.health.threshold": ["spec/test_health.py"],
    "rapport.scoring.models.interval": ["spec/test_scoring_answers.py", "spec/test_prediction_intervals.py"],
    "rapport.scoring.money.amounts": ["spec/test_health.py"],
    "rapport.serving.security.limits": ["unit/test_serving_units.py", "journeys/serving/test_serving_middleware.py"],
    "rapport.training.evaluation.uncertainty": ["spec/test_interval_errors.py", "spec/test_prediction_intervals.py"],
    "rapport.training.stacking.stacking_weights": [
        "spec/test_stacking_weights.py",
        "spec/test_logistic_and_stacking.py",
    ],
    "rapport.training.stacking.base_rate": ["spec/test_base_rate_definition.py", "spec/test_base_rate.py"],
    "rapport.training.stacking.fixed_mix": ["spec/test_base_rate.py"],
    "rapport.training.stacking.rate_process": ["spec/test_rate_process.py", "spec/test_base_rate.py"],
}
# What every test imports: loaded once, so that a mutant costs the tests alone.
SHARED = ("numpy", "pandas", "scipy.optimize", "scipy.special", "pyarrow", "duckdb", "lightgbm", "sklearn", "bentoml")
FULL, SECONDS = 40, 300
COMPARISONS = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """A module's source with one change, and where it is."""

    module: str
    line: int
    change: str
    source: str


def mutants(module: str) -> list[Mutant]:
    """Return every mutant of a module, in the order of its lines."""
    # Looked up as a file: to import its packages here would load the module itself, and no mutant would take its place.
    path = Path(*module.split(".")[1:]).with_suffix(".py")
    text = next(file for file in (ROOT / path, ROOT / "rapport" / path) if file.exists()).read_text(encoding="utf-8")
    count = len(list(_changes(ast.parse(text))))
    return [_mutant(module, text, place) for place in range(count)]


def _mutant(module: str, text: str, place: int) -> Mutant:
    tree = ast.parse(text)
    node, changed = list(_changes(tree))[place]
    before = ast.unparse(node)
    changed()
    ast.fix_missing_locations(tree)
    return Mutant(module, node.lineno, f"{before}  →  {ast.unparse(node)}", ast.unparse(tree))


def _changes(tree: ast.AST) -> Iterator[tuple[ast.expr, object]]:
    """Return each expression that can be changed, with the function that changes it."""
    # That a dataclass is frozen and that columns are of one length are guards of the code, which no figure shows.
    guards = {
        id(word.value) for word in ast.walk(tree) if isinstance(word, ast.keyword) and word.arg in ("frozen", "strict")
    }
    for node in (each for each in ast.walk(tree) if id(each) not in guards):
        match node:
            case ast.Constant(value=bool()):
                yield node, lambda node=node: setattr(node, "value", not node.value)
            case ast.Constant(value=int() | float()):
                yield node, lambda node=node: setattr(node, "value", node.value * 10 or 1)
            case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
                yield node, lambda node=node: setattr(node, "ops", [COMPARISONS[type(node.ops[0])]()])
            case ast.BinOp(op=operator) | ast.BoolOp(op=operator) if type(operator) in OPERATORS:
                yield node, lambda node=node: setattr(node, "op", OPERATORS[type(node.op)]())


class _MutatedSource:
    """A finder and loader of one module, from changed source."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """Return this loader for the mutated module."""
        return importlib.util.spec_from_loader(name, self) if name == self._mutant.module else None

    def create_module(self, _spec: object) -> None:
        """Leave the making of the module to Python."""

    def exec_module(self, module: object) -> None:
        """Run the changed source."""
        exec(compile(self._mutant.source, f"<mutant of {self._mutant.module}>", "exec"), vars(module))


def survives(mutant: Mutant | None, tests: list[str]) -> bool:
    """Whether the tests pass with a mutant, or without one; a mutant that takes minutes counts as found."""
    child = os.fork()
    if child == 0:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
            if mutant:
                sys.meta_path.insert(0, _MutatedSource(mutant))
            code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-m", "not slow", "-o", "addopts=", *tests])
        os._exit(int(code))
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main() -> None:
    """Print the score of each module and the survivors."""
    parser = options(__doc__, default="full")
    parser.add_argument("--only", default="", help="modules whose name contains this")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    for name in SHARED:
        importlib.import_module(name)
    total = found = 0
    for module, names in TARGETS.items():
        if chosen.only not in module:
            continue
        tests = [f"tests/{name}" for name in names]
        if not survives(None, tests):
            raise SystemExit(f"{module}: the tests fail without a mutant")
        every = mutants(module)
        drawn = random.Random(module).sample(every, min(len(every), max(1, round(FULL * chosen.scale))))
        alive = [each for each in sorted(drawn, key=lambda each: each.line) if survives(each, tests)]
        total, found = total + len(drawn), found + len(drawn) - len(alive)
        print(f"{module:48s}{len(drawn) - len(alive):4d} of {len(drawn)} found ({len(every)} possible)", flush=True)
        for each in alive:
            print(f"    line {each.line}: {each.change}", flush=True)
    print(f"{found} of {total} mutants found")


if __name__ == "__main__":
    main()
