# CONTRIBUTING.md says what each target is for. The first run creates .venv; later runs start in seconds.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
SPARK_READY := .venv/spark-ready
FOLDERS := history features scoring training serving
DEMO_FLAGS ?=
CUTOFF ?= $(shell date -u -d '7 days ago' +%Y-%m-%dT00:00:00Z)

.PHONY: demo test retest check link_farm bench bento docs site lock slow evidence browser spark notebooks clean

demo: $(READY) site
	$(BIN)/rapport demo $(DEMO_FLAGS)

# With COVERAGE=1, as CI calls it, ends with the coverage of the test processes: the files with the least, and the total.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "not slow" -n 2 --dist loadfile $(if $(COVERAGE),--cov --cov-report=)
	$(if $(COVERAGE),$(BIN)/coverage report | awk 'NR < 19 || /^TOTAL/')

check: $(READY) link_farm site
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	cd build/link_farm && $(CURDIR)/$(BIN)/lint-imports --config $(CURDIR)/pyproject.toml
	$(BIN)/python -m rapport.cli.documents --check

# mypy and import-linter do not follow the mapping of setup.py; they read the folders as one package through links.
link_farm:
	rm -rf build/link_farm && mkdir -p build/link_farm/rapport
	ln -s $(addprefix $(CURDIR)/,$(wildcard rapport/*.py) $(patsubst %/__init__.py,%,$(wildcard rapport/*/__init__.py)) $(FOLDERS)) build/link_farm/rapport/

# Slow tests: Spark, browser, load, packaging, notebooks. A test skips with the reason if the machine lacks a requirement.
slow: $(SPARK_READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m "slow and not evidence"
# The tests that failed last, once more and one at a time. One that passes now was disturbed by load or by its neighbours:
# it is named, and is a fault of the test to be mended. One that fails again fails the run.
retest: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest --last-failed --last-failed-no-failures none -rA --show-capture=no
evidence: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/pytest -m evidence
browser: $(READY)
	$(BIN)/pytest -m slow tests/browser
spark: $(SPARK_READY)
	$(BIN)/pytest -m slow tests/spec/test_spark.py

# The benchmarks that know a small scale; the others name their own arguments in their first lines.
bench: $(READY)
	for script in $$(grep -l 'options(__doc__\|"--scale"' benchmarks/*.py); do echo "== $$script"; $(BIN)/python $$script --scale small || exit 1; done

# pip refuses hashes for some requirements only, and the wheel has none: the bento pins the versions of the serve lock.
bento: $(READY)
	rm -rf build/bento && mkdir -p build/bento
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/bento .
	sed -n 's/^\([][a-zA-Z0-9_.,-]*==[^ ]*\( ;[^\\]*\)\{0,1\}\).*/\1/p' requirements-serve.lock > build/bento/requirements.txt
	$(BIN)/bentoml build -f deploy/bentofile.yaml .

docs: $(READY)
	$(BIN)/python -m rapport.cli.documents

# The documentation site, built offline; a wheel carries it and the service answers it at /docs.
site: $(READY)
	$(BIN)/zensical build --strict --config-file mkdocs.yml >/dev/null

notebooks: $(READY)
	$(BIN)/python notebooks/run.py

# The locks have names, versions and hashes of releases that are at least a week old, so that a bad release is found by
# others first. The smaller locks are constrained by the large one, so that they can be installed side by side. Extras stay:
# in hash mode pip refuses one that is not pinned; only constraints must be without.
lock:
	uv pip compile pyproject.toml --extra train --extra search --extra serve --extra sql --extra sentiment --extra notebooks --extra docs --extra mcp --extra report --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --exclude-newer $(CUTOFF) \
	  --custom-compile-command "make lock" --quiet --output-file requirements.lock
	mkdir -p build && sed "s/^\([A-Za-z0-9_.-]*\)\[[^]]*\]==/\1==/" requirements.lock > build/constraints.txt
	uv pip compile pyproject.toml --extra serve --extra mcp --extra report --constraint build/constraints.txt --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --exclude-newer $(CUTOFF) \
	  --custom-compile-command "make lock" --quiet --output-file requirements-serve.lock
	uv pip compile pyproject.toml --extra spark --constraint build/constraints.txt --universal --python-version 3.11 \
	  --generate-hashes --no-strip-extras --no-emit-index-url --no-annotate --exclude-newer $(CUTOFF) \
	  --custom-compile-command "make lock" --quiet --output-file requirements-spark.lock

clean:
	rm -rf .venv build dist *.egg-info rapport-data .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(READY): requirements.lock pyproject.toml setup.py
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Rapport needs Python 3.11 or newer; name one: make PYTHON=python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

$(SPARK_READY): $(READY) requirements-spark.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-spark.lock
	touch $(SPARK_READY)
