"""Commands start without what they do not need."""

import subprocess
import sys

import pytest

STARTS = [
    ("import rapport.cli.app", {"duckdb", "ibis", "numpy", "pandas", "pyarrow"}),
    ("import rapport.history.checks, rapport.history.reading.history", {"ibis", "lightgbm", "pandas", "sklearn"}),
    # Ibis is one of the sources of histories (extra sql); nothing that computes, trains or serves needs it.
    (
        "import rapport.serving.api.service, rapport.training, rapport.features; rapport.features.catalog().plan",
        {"ibis", "sqlglot"},
    ),
    (
        "import rapport.serving.snapshots.scoring_run, rapport.serving.jobs.exports",
        {"jinja2", "lightgbm", "mlflow", "pandas", "sklearn"},
    ),
]


@pytest.mark.parametrize(("start", "heavy"), STARTS, ids=lambda part: part if isinstance(part, str) else "")
def test_nothing_heavy_is_imported_before_it_is_needed(start: str, heavy: set[str]) -> None:
    script = f"import sys; {start}; print(*sorted({heavy!r} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []
