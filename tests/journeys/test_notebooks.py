"""Notebooks ask one question and answer it with numbers of the run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
SCRIPTS = sorted(path for path in (HERE / "notebooks").glob("*.py") if path.name != "run.py")
NAMES = [path.stem for path in SCRIPTS]


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_a_notebook_is_short_begins_with_a_question_and_ends_with_its_answer(script):
    text = script.read_text(encoding="utf-8")
    cells = text.split("\n# %%")
    assert len(text.splitlines()) <= 80
    assert cells[1].splitlines()[1].startswith("# # ")
    assert cells[1].splitlines()[1].endswith("?")
    assert "Answer: " in cells[-1]
    assert compile(text, str(script), "exec")


@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_a_notebook_runs_from_its_first_cell_to_its_answer(script, tmp_path):
    bench = HERE.parent / "shared" / "bench"
    if '"BENCH"' in script.read_text(encoding="utf-8") and not bench.is_dir():
        pytest.skip("the folder of the real histories (../shared/bench) is not there")
    # Its own place, so that nothing is written into the repository.
    environ = os.environ | {
        "NOTEBOOK_CUSTOMERS": "500",
        "BENCH": str(bench),
        "MPLBACKEND": "agg",
        "PYTHONPATH": str(HERE),
        "TMPDIR": str(tmp_path),
        "OMP_NUM_THREADS": "1",
    }
    ran = subprocess.run(
        [sys.executable, script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip().splitlines()[-1].startswith("Answer: ")
