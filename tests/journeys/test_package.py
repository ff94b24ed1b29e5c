"""The wheel: one top-level name, all data files, and a program that runs beside a user's packages of the same names."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from rapport.cli.exit_codes import DISTRIBUTION, MODULES_OF_EXTRAS

ROOT = Path(__file__).parents[2]
FOLDERS = ("history", "features", "scoring", "training", "serving")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy of the tracked files, so that nothing is written into the repository."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE", "rapport", *FOLDERS):
        run("cp", "-R", ROOT / name, source, folder=ROOT)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index",
        "-w", out, source, folder=source)  # fmt: skip
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Unpack the wheel, as an installer does, in a folder outside of the repository."""
    folder = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Make a project of a user whose own packages have the names of our folders and fail when they are imported."""
    folder = tmp_path_factory.mktemp("project")
    for name in FOLDERS:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise RuntimeError('the user\\'s own {name} was imported')\n")
    (folder / "company").mkdir()
    lines = [f"C{customer},O{customer}-{month},2025-{month:02d}-01,10" for customer in range(9) for month in (1, 5)]
    (folder / "company" / "orders.csv").write_text("\n".join(["customer_id,order_id,ordered_at,amount", *lines]))
    return folder


def run(*words, folder, path=None, **environ):
    """Run a program in ``folder``; its standard output. Only ``path`` is importable beside what is installed."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg", **environ}
    if path is not None:
        environ["PYTHONPATH"] = str(path)
    ran = subprocess.run(list(map(str, words)), cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_wheel_installs_one_top_level_name(wheel):
    with zipfile.ZipFile(wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {"rapport"}


def test_the_wheel_holds_every_module_and_data_file_of_the_repository(wheel):
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "rapport", *FOLDERS, folder=ROOT)
    expected = {
        name if name.startswith("rapport/") else f"rapport/{name}" for name in tracked.split() if (ROOT / name).exists()
    }
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    assert len(expected) > 300
    assert sorted(expected - packed) == []


def test_the_wheel_names_its_licence_and_every_extra(wheel):
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(next(name for name in archive.namelist() if name.endswith("/METADATA"))).decode()
        names = archive.namelist()
    assert f"Name: {DISTRIBUTION}\n" in metadata
    assert any(name.endswith("/LICENSE") for name in names)
    assert set(re.findall(r"Provides-Extra: (\S+)", metadata)) == set(PROJECT["optional-dependencies"])
    assert set(MODULES_OF_EXTRAS) <= set(PROJECT["optional-dependencies"])


def test_the_program_runs_beside_a_users_own_packages_of_the_same_names(installed, project):
    here = run(sys.executable, "-c", "import rapport; print(rapport.__file__)", folder=project, path=installed)
    assert here.strip() == str(installed / "rapport" / "__init__.py")
    assert "rapport" in run(sys.executable, "-m", "rapport", "--help", folder=project, path=installed)
    words = ("features", "company", "--as-of", "2025-06-01", "--out", "features.csv")
    assert "Wrote 9 customers" in run(sys.executable, "-m", "rapport", *words, folder=project, path=installed)
    assert (project / "features.csv").stat().st_size > 1000


@pytest.mark.slow
def test_a_notebook_runs_beside_a_users_own_packages_of_the_same_names(installed, project):
    (project / "notebook.py").write_bytes((ROOT / "notebooks" / "explore_a_history.py").read_bytes())
    answer = run(sys.executable, "notebook.py", folder=project, path=installed, NOTEBOOK_CUSTOMERS="300")
    assert answer.strip().splitlines()[-1].startswith("Answer: ")


@pytest.mark.slow
@pytest.mark.parametrize("extra", ["", *sorted(MODULES_OF_EXTRAS)])
def test_the_wheel_installs_with_each_extra_into_an_empty_environment(wheel, tmp_path, extra):
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", folder=tmp_path)
    python = tmp_path / "venv/bin/python"
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])", folder=tmp_path).strip()
    # The installer checks the names and versions of the extra; the packages themselves are those of this environment.
    (Path(site) / "shared.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel,
        folder=tmp_path)  # fmt: skip
    modules = MODULES_OF_EXTRAS.get(extra, ("duckdb", "lightgbm", "pyarrow", "typer"))
    missing = run(python, "-c", MISSING, *requirements(extra), "--", *modules, folder=tmp_path).split()
    if "pyspark" in missing:
        pytest.skip("PySpark is not installed; `make spark` installs it")
    assert missing == []
    assert "rapport" in run(tmp_path / "venv/bin/rapport", "--help", folder=tmp_path)


def requirements(extra):
    """Return what the extra, and the package without extras, ask for."""
    return [*PROJECT["dependencies"], *PROJECT["optional-dependencies"].get(extra, ())]


MISSING = """
import importlib.util, sys
from importlib.metadata import PackageNotFoundError, version
from packaging.requirements import Requirement

split = sys.argv.index("--")
for requirement in map(Requirement, sys.argv[1:split]):
    try:
        skipped = requirement.marker and not requirement.marker.evaluate()
        fits = skipped or version(requirement.name) in requirement.specifier
    except PackageNotFoundError:
        fits = False
    if not fits:
        print(requirement.name)
for module in sys.argv[split + 1 :]:
    if importlib.util.find_spec(module) is None:
        print(module)
"""


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-serve.lock"])
def test_a_lock_names_a_package_with_the_extra_that_another_one_asks_for(lock):
    # In hash mode pip refuses an extra that is not pinned, unless the version is there already: a new machine fails.
    lines = re.findall(r"^([\w.-]+)(\[[\w,-]+\])?==", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE)
    extras = {name.lower(): set(extra.strip("[]").split(",")) for name, extra in lines}
    missing = [
        f"{name} asks for {wanted}"
        for name in extras
        for wanted in map(Requirement, _requirements(name))
        if wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if wanted.name.lower() in extras and not wanted.extras <= extras[wanted.name.lower()]
    ]
    assert missing == []


def _requirements(name):
    try:
        return requires(name) or []
    except PackageNotFoundError:
        # Of another platform or Python.
        return []
