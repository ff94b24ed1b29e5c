"""How the program ends: an expected error becomes one sentence on stderr and its exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from rapport.cli.terminal import err
from rapport.errors import RapportError

DISTRIBUTION = "rapport-crm"
MODULES_OF_EXTRAS = {
    "train": ("mlflow", "sklearn", "scipy", "matplotlib", "pandas", "shap"),
    "search": ("optuna",),
    "serve": ("bentoml", "pydantic", "prometheus_client", "starlette", "itsdangerous", "jwt", "xlsxwriter"),
    "spark": ("pyspark",),
    "sentiment": ("textblob",),
    "sql": ("adbc_driver_postgresql", "adbc_driver_manager"),
    "notebooks": ("jupytext", "nbclient"),
    "mcp": ("mcp",),
}

EXIT_CODES = {
    0: "done",
    1: "done, and the result is negative: leaks were found, the champion needs retraining, "
    "or a model was not reproduced",
    2: "the command line is not understood",
    3: "an extra is not installed; the message names it",
    4: "the operating system refused: a path, a permission, disk space",
    10: "a table or column does not fit the contract",
    11: "a setting is not understood",
    12: "a scorecard is not well formed",
    13: "a bundle is missing, damaged, or does not fit this catalog",
    14: "the history does not suffice for the requested model",
    15: "a model is not good enough to be promoted",
    16: "a request cannot be answered, or the service cannot start",
    17: "another run holds a lock and does not release it",
    18: "a newer version wrote the data folder, or its format file is damaged",
    19: "a run was refused: tables are empty, stale, doubled or rescaled, or the cutoff lies in the future; "
    "`--force` overrides",
    22: "a delivery to a webhook, CRM or file failed; it is kept and retried",
    23: "MLflow cannot be reached or written; a trained model is kept: `rapport models register`",
    130: "stopped from the keyboard; earlier results are unchanged",
}


def run_with_exit_codes(run: Callable[[], None]) -> None:
    """Run the program; errors that a user can repair end without a traceback."""
    # MLflow logs the creation of its own tables at import and first use; a command's output is the result only.
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        run()
    except RapportError as error:
        _exit(str(error), error.exit_code)
    except ModuleNotFoundError as error:
        extra = extra_of(error.name or "")
        if extra is None:
            raise
        _exit(f"This command needs {error.name}. Install it with: pip install '{DISTRIBUTION}[{extra}]'", 3)
    except (OSError, MemoryError) as error:
        _exit(f"The operating system refused: {error}. Check the path, the permissions and the free space.", 4)
    except KeyboardInterrupt:
        _exit("Stopped; earlier results are unchanged.", 130)


def extra_of(module: str) -> str | None:
    """Return the extra that installs a module, if one does."""
    top = module.split(".")[0]
    return next((extra for extra, modules in MODULES_OF_EXTRAS.items() if top in modules), None)


def _exit(sentence: str, code: int) -> None:
    err.print(sentence, style="" if code == 130 else "red", markup=False)
    sys.exit(code)
