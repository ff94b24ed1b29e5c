"""A language that one file adds: every text of the product in brackets, and a walk through the doors that show them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from importlib import import_module
from io import BytesIO
from pathlib import Path
from re import DOTALL, findall, sub
from typing import Any

from babel.messages.pofile import read_po, write_po
from serving_world import AS_OF, NOW, evaluation, served
from typer.testing import CliRunner

import rapport
from rapport.cli.app import app
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.serving.jobs.alert_job import run_alert_job
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring

CODE = "eo"
FOLDERS = ("history", "features", "scoring", "training", "serving")
REQUESTS = {
    "score": {"customer_ids": ["{customer}"], "reasons": 5},
    "customer": {"customer_id": "{customer}"},
    "change": {"customer_id": "{customer}", "from": "{before}", "to": "{now}"},
    "report": {"customer_id": "{customer}", "format": "html"},
    "deals": {},
}
PAGES = (
    "/", "/home", "/customers/{customer}", "/customers/nobody", "/portfolio", "/cards", "/model", "/analyses",
    "/analyses/key_accounts", "/alerts", "/alerts/rules", "/alerts/receivers", "/tasks", "/deals", "/sales", "/help",
    "/digest", "/experiments", "/sign-in",
)  # fmt: skip
_ATTRIBUTE = r'(?:title|aria-label|placeholder|alt|data-label)="([^"]*)"'


def bracketed(template: str) -> bytes:
    """Return the file of a language whose every text is the English one in brackets; it writes as English does."""
    catalogue = read_po(BytesIO(template.encode()))
    for entry in catalogue:
        if entry.id and entry.context != "grammar":
            entry.string = f"⟦{entry.id}⟧"
    catalogue.get("name", "grammar").string = "Esperanto"
    file = BytesIO()
    write_po(file, catalogue)
    return file.getvalue()


def package_with(file: bytes, folder: Path) -> Path:
    """Return a folder with a copy of the package, of links, to which one file was added."""
    own = Path(rapport.__file__).parent
    (folder / "rapport" / "languages").mkdir(parents=True)
    for path in own.iterdir():
        if path.name not in ("languages", "__pycache__", *FOLDERS):
            (folder / "rapport" / path.name).symlink_to(path)
    for name in FOLDERS:
        (folder / "rapport" / name).symlink_to(Path(import_module(f"rapport.{name}").__file__).parent)
    for path in (own / "languages").glob("*.py"):
        (folder / "rapport" / "languages" / path.name).symlink_to(path)
    (folder / "rapport" / "languages" / f"{CODE}.po").write_bytes(file)
    return folder


def walk(folder: Path, **arguments: object) -> dict[str, dict[str, Any]]:
    """Walk through the doors in a process that has the copied package, and return what each of them showed."""
    done = subprocess.run(
        [sys.executable, __file__, json.dumps(arguments)],
        env={"PYTHONPATH": f"{folder}:{Path(__file__).parent}", "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[:3000]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def answers(client: Any, language: str, names: dict[str, str]) -> dict[str, Any]:
    """Return the answers of the service to the requests of the walk in a language."""
    return {
        door: client.post(
            f"/v1/{door}", json=json.loads(_filled(json.dumps(body), names)) | {"language": language}
        ).json()
        for door, body in REQUESTS.items()
    }


def _filled_body(body: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(_filled(json.dumps(body), names))
    return filled


def _filled(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def visible(page: str) -> Iterator[str]:
    """Return the texts that a page shows; the source of a card, which its author writes, is none of the product."""
    page = sub(r"<(script|style|textarea|pre)\b.*?</\1>", "", page, flags=DOTALL)
    for text in (*findall(_ATTRIBUTE, page), *sub(r"<[^>]+>", "\n", page).split("\n")):
        yield unescape(text).strip()


def strings(answer: Any) -> Iterator[str]:
    """Return the texts of a JSON answer, and those of a page inside it."""
    if isinstance(answer, dict | list):
        for each in answer.values() if isinstance(answer, dict) else answer:
            yield from strings(each)
    elif isinstance(answer, str):
        yield from visible(answer) if "<html" in answer else (answer,)


def outside(text: str) -> str:
    """Return what is not in brackets, nor in quotes: the words of the company."""
    while (shorter := sub(r"⟦[^⟦⟧]*⟧|“[^“”⟦⟧]*”", "·", text)) != text:
        text = shorter
    return text.strip()


def _doors(home: str, history: str, names: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return what the doors show in the further language, and the answers in English and Chinese."""
    # The texts that a run keeps are written in the languages of its time.
    rows = read_history(Path(history), Settings.of({"language": CODE}))
    run_scoring(
        rows, Path(home), "churn",
        as_of=AS_OF, now=NOW + timedelta(hours=1), progress=lambda *_: None,
    )  # fmt: skip
    run_alert_job(rows, Path(home), load_live_model(Path(home), "churn").snapshot, now=NOW)
    shown = {"check": CliRunner().invoke(app, ["check", history, "--language", CODE]).output}
    dossier = Path(home) / "dossier.html"
    CliRunner().invoke(app, ["dossier", "--out", str(dossier), "--language", CODE, "--data-dir", home])
    shown["dossier"] = dossier.read_text(encoding="utf-8")
    with served(Path(home), keys=False) as client:
        own = {code: answers(client, code, names) for code in (CODE, "en", "zh")}
        changes = client.post("/v1/changes", json={"since": 0}).json()
        client.get(f"/language/{CODE}?back=/", follow_redirects=False)
        for page in PAGES:
            shown[page] = client.get(_filled(page, names)).text
    return own | {"pages": shown, "stored": evaluation(), "changes": changes}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_doors(**json.loads(sys.argv[1]))))
