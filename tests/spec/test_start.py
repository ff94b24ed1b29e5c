"""Commands start without what they do not need."""

import subprocess
import sys

import pytest

STARTS = [
    ("import rapport.app", {"duckdb", "ibis", "numpy", "pandas", "pyarrow"}),
    ("import history.check, history.reading", {"ibis", "lightgbm", "pandas", "sklearn"}),
    ("import serving.nightly, serving.exports", {"jinja2", "lightgbm", "mlflow", "pandas", "sklearn"}),
]


@pytest.mark.parametrize(("start", "heavy"), STARTS, ids=lambda part: part if isinstance(part, str) else "")
def test_nothing_heavy_is_imported_before_it_is_needed(start: str, heavy: set[str]) -> None:
    script = f"import sys; {start}; print(*sorted({heavy!r} & set(sys.modules)))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.split() == []
