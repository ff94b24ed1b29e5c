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
from reportlab.platypus import Paragraph
from serving_world import AS_OF, NOW, evaluation, served
from training_world import trained
from typer.testing import CliRunner

import rapport
from rapport.cli.app import app
from rapport.history import read_history
from rapport.history.settings import Settings
from rapport.serving.api.agents.fencing import NOTICE
from rapport.serving.application.stored import stored_application
from rapport.serving.jobs.alert_job import run_alert_job
from rapport.serving.jobs.digest_job import DigestJob
from rapport.serving.report import pdf
from rapport.serving.snapshots.live_model import load_live_model
from rapport.serving.snapshots.scoring_run import run_scoring
from rapport.training.reports.plots import ReportPlots
from rapport.training.reports.training_report import render_report

CODE = "eo"
TESTS = (Path(__file__).parent, Path(__file__).parents[2] / "support")
FOLDERS = ("history", "features", "scoring", "training", "serving")
RULES = "/alerts/rules"
RULE = {
    "act": "save", "replaced": "risk_high", "kind": "score_above", "name": "risk_high", "cause": "risk",
    "priority": "1", "cooldown_days": "14", "probability": "62.5", "task": "yes", "escalate_days": "3",
    "en": "{name} may leave.", "zh": "{name}可能流失。",
}  # fmt: skip
REQUESTS = {
    "score": {"customer_ids": ["{customer}"], "reasons": 5},
    "customer": {"customer_id": "{customer}"},
    "change": {"customer_id": "{customer}", "from": "{before}", "to": "{now}"},
    "report": {"customer_id": "{customer}", "format": "html"},
    "deals": {},
}
TOOLS = {
    "score": {"customer_ids": ["{customer}"]},
    "why": {"customer_id": "{customer}"},
    "change": {"customer_id": "{customer}", "start": "{before}", "end": "{now}"},
    "customer": {"customer_id": "{customer}"},
    "deals": {},
    "what_if": {"customer_id": "{customer}", "changes": {"tickets_open": 0}},
}
PAGES = (
    "/", "/home", "/customers/{customer}", "/customers/nobody", "/portfolio", "/cards", "/model", "/analyses",
    "/analyses/key_accounts", "/alerts", "/alerts/rules", "/alerts/receivers", "/tasks", "/deals", "/sales", "/help",
    "/digest", "/experiments", "/sign-in", f"{RULES}?rule=risk_high",
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
        env={"PYTHONPATH": ":".join(map(str, (folder, *TESTS))), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[:3000]
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return found


def answers(client: Any, language: str, names: dict[str, str]) -> dict[str, Any]:
    """Return the answers of the endpoints and of the agents' tools to the requests of the walk in a language."""
    found = {
        door: client.post(f"/v1/{door}", json=_filled_body(body, names) | {"language": language}).json()
        for door, body in REQUESTS.items()
    }
    for tool, arguments in TOOLS.items():
        params = {"name": tool, "arguments": _filled_body(arguments, names) | {"language": language}}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        answer = client.post("/mcp", json=message, headers={"accept": "application/json, text/event-stream"}).json()
        content = answer["result"]["structuredContent"]
        # What the agent itself is asked to do is written for it, not for its user.
        assert content.pop("notice") == NOTICE
        found[f"tool {tool}"] = content
    return found


def _filled_body(body: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    filled: dict[str, Any] = json.loads(_filled(json.dumps(body), names))
    return filled


def _saved_rules(client: Any) -> list[str]:
    """Return the page after each of three rules, which differ in the further language; the last is not valid."""
    pages = []
    for text in ("", "{name} eble foriros.", "{nobody}"):
        [token, *_] = findall(r'name="token" value="([^"]+)"', client.get(RULES).text)
        client.post(RULES, data={"token": token, **RULE, CODE: text}, follow_redirects=False)
        pages.append(client.get(f"{RULES}?rule=risk_high").text)
    return pages


def _changed_rules(home: Path) -> list[tuple[str, str]]:
    """Return what a draft changes that gives one rule a text in the further language."""
    draft = stored_application(Settings(), home).alert_rules
    rule = draft.rules().rules[0].to_dict()
    draft.save_rule(rule | {"text": rule["text"] | {CODE: "{name} eble foriros."}}, rule["name"])
    return draft.changes()


def _training_report(language: str) -> str:
    return render_report(trained(), ReportPlots(language))


def _drawn_in_pdf(client: Any, names: dict[str, str]) -> list[str]:
    """Return the texts that the PDF report draws: the file itself holds them as glyphs of its fonts."""
    drawn: list[str] = []

    class Recorded(Paragraph):  # type: ignore[misc]
        def __init__(self, text: str, style: Any) -> None:
            drawn.append(unescape(sub(r"<[^>]+>", "", text)))
            super().__init__(text, style)

    pdf.Paragraph = Recorded  # type: ignore[misc]
    body = {"customer_id": names["customer"], "format": "pdf", "language": CODE}
    answer = client.post("/v1/report", json=body)
    assert answer.status_code == 200, answer.text
    return drawn


def _digest(home: Path) -> list[str]:
    """Return the lines of a digest as an e-mail has them."""
    settings = Settings.of({"digests": {"team": {"to": "team@company.example", "language": CODE}}})
    job = DigestJob(home, settings, {"RAPPORT_SMTP_URL": "smtp://127.0.0.1", "RAPPORT_SMTP_FROM": "r@x.example"})
    digest = job.content(job.receivers[0], NOW)
    return [digest.subject, *digest.as_text().split("\n")]


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
        lines = {"pdf": _drawn_in_pdf(client, names), "digest": _digest(Path(home))}
        for page in PAGES:
            shown[page] = client.get(_filled(page, names)).text
        changed, rules = _changed_rules(Path(home)), _saved_rules(client)
    shown["training report"] = _training_report(CODE)
    return own | {
        "changed": changed,
        "rules": rules,
        "lines": lines,
        "pages": shown,
        "stored": evaluation(),
        "changes": changes,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_doors(**json.loads(sys.argv[1]))))
