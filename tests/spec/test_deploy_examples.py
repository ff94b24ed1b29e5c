"""The examples in deploy/ say what the program understands: its commands, variables, addresses, and time to stop."""

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
import yaml

from rapport.cli.app import app
from rapport.serving.api.endpoints import PAGES
from rapport.serving.environment import variables
from rapport.serving.metrics import Metrics

DEPLOY = Path(__file__).parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
KUBERNETES = list(yaml.safe_load_all((DEPLOY / "kubernetes/rapport.yaml").read_text()))
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
# What shells and timers fill in.
FILLED = {"$day": "2026-11-01", '"$(date -u +%F)"': "2026-11-01", "$target": "churn"}


def _commands():
    """Give each rapport command line of the examples, with what the shell would fill in."""
    for path in FILES:
        text = path.read_text().replace("$$", "$").replace("%%", "%")
        for unfilled, filled in FILLED.items():
            text = text.replace(unfilled, filled)
        commands = "score|serve|keys|train|models|worker"
        for line in re.findall(rf"(?:^|[\s/'])rapport ((?:{commands})[^\n#'|&;]*)", text, re.MULTILINE):
            yield path.name, shlex.split(line)


COMMANDS = list(_commands())


def test_there_are_commands_to_look_at():
    assert {name for name, _ in COMMANDS} >= {
        "compose.yaml",
        "rapport.yaml",
        "rapport.service",
        "rapport-nightly.service",
        "rapport-retrain.service",
        "rapport-worker.service",
    }


def test_every_recipe_raises_alerts_and_has_a_worker_that_sends_those_that_did_not_arrive():
    recipes = (DEPLOY / "compose.yaml", DEPLOY / "kubernetes/rapport.yaml", DEPLOY / "systemd/rapport-nightly.service")
    for text in (path.read_text() for path in recipes):
        assert [line for line in text.splitlines() if "--alerts" in line and "rapport score" in line]
    assert COMPOSE["services"]["worker"]["command"] == ["worker"]
    deployments = [one["spec"]["template"]["spec"] for one in KUBERNETES if one["kind"] == "Deployment"]
    assert ["worker"] in [one["containers"][0]["args"] for one in deployments]


@pytest.mark.parametrize(
    ("file", "words"), COMMANDS, ids=lambda part: part if isinstance(part, str) else " ".join(part)
)
def test_every_command_is_one_that_the_program_takes(file, words, monkeypatch):
    # The address of a database holds a password, and everyone on the machine sees the words of a command.
    assert not [word for word in words if "://" in word or "$" in word]
    monkeypatch.setenv("RAPPORT_HISTORY", "history")
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"{file}: no command {name}"
        command = command.commands[name]
    command.make_context("rapport", list(words))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_variable_is_one_that_the_program_reads(path):
    known = {name for name, _, _ in variables()}
    assert set(re.findall(r"\bRAPPORT_[A-Z_]+\b", path.read_text())) <= known


def test_whoever_stops_the_service_waits_longer_than_its_requests_may_take():
    deployment = next(one for one in KUBERNETES if one["kind"] == "Deployment")
    unit = (DEPLOY / "systemd/rapport.service").read_text()
    waits = [
        deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"],
        int(COMPOSE["services"]["rapport"]["stop_grace_period"].removesuffix("s")),
        int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]),
    ]
    assert min(waits) > 30


def test_probes_ask_for_pages_that_are_there():
    container = next(one for one in KUBERNETES if one["kind"] == "Deployment")["spec"]["template"]["spec"][
        "containers"
    ][0]
    asked = {container[probe]["httpGet"]["path"] for probe in ("livenessProbe", "readinessProbe")}
    assert asked | {"/readyz"} <= set(PAGES)
    assert "/readyz" in (DEPLOY / "Containerfile").read_text()


def test_volumes_and_services_that_are_named_are_there():
    services, volumes = COMPOSE["services"], set(COMPOSE["volumes"])
    for service in services.values():
        assert {mount.split(":")[0] for mount in service.get("volumes", [])} <= volumes
        assert set(service.get("depends_on", {})) <= set(services)
    claims = {one["metadata"]["name"] for one in KUBERNETES if one["kind"] == "PersistentVolumeClaim"}
    named = re.findall(r"claimName: (\S+)", (DEPLOY / "kubernetes/rapport.yaml").read_text())
    assert {name.rstrip("}") for name in named} == claims


def test_the_image_holds_what_the_lock_names_and_nothing_that_was_chosen_while_it_was_built():
    recipe = (DEPLOY / "Containerfile").read_text()
    installs = re.findall(r"pip install[^&\n]*", recipe)
    assert installs
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    # Without isolation the package is built by the setuptools that is there: the locked one, not the base image's.
    chosen = re.search(r"RUN (sed .*) > build.lock && pip install .*-r build.lock\nRUN .*--no-build-isolation", recipe)
    lines = subprocess.run(shlex.split(chosen[1]), cwd=DEPLOY.parent, capture_output=True, text=True, check=True).stdout
    needed = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["build-system"]["requires"]
    assert [re.split("[=>]=", one)[0] for one in needed] == re.findall("^([a-z]+)==", lines, re.MULTILINE)
    assert int(re.search(r"==(\d+)", lines)[1]) >= int(re.search(r">=(\d+)", needed[0])[1])
    assert "--hash=sha256:" in lines.splitlines()[-1]


def test_alert_rules_and_dashboard_ask_for_metrics_that_the_service_has():
    rules = yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())["groups"][0]["rules"]
    board = json.loads((DEPLOY / "grafana/rapport.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    page = Metrics().page().decode()
    named = {name for text in asked for name in re.findall(r"rapport_[a-z_]+", text)}
    assert len(named) > 10
    missing = [one for one in named if not re.search(rf"^# TYPE {re.sub('_bucket$', '', one)} ", page, re.MULTILINE)]
    assert missing == []
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_kustomize_takes_all_manifests_and_the_network_policies_fit_the_pods():
    folder = DEPLOY / "kubernetes"
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    assert {*kustomization["resources"], "kustomization.yaml"} == {path.name for path in folder.iterdir()}
    templates = [_template(one["spec"]) for one in KUBERNETES if "template" in str(one["spec"])]
    images = {container["image"] for one in templates for container in one["spec"]["containers"]}
    assert {one["name"] for one in kustomization["images"]} == images
    policies = list(yaml.safe_load_all((folder / "network-policy.yaml").read_text()))
    chosen = {one["spec"]["podSelector"]["matchLabels"]["app"] for one in policies}
    assert chosen == {one["metadata"]["labels"]["app"] for one in templates}
    open_ports = {port["port"] for one in policies for rule in one["spec"].get("ingress", ()) for port in rule["ports"]}
    assert open_ports == {
        port["containerPort"]
        for one in templates
        for each in one["spec"]["containers"]
        for port in each.get("ports", ())
    }


def _template(spec):
    return spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]


def _bootstrap():
    job = next(one for one in KUBERNETES if one["metadata"]["name"] == "rapport-bootstrap")
    return _template(job["spec"])["spec"]["containers"][0]["args"][0]


def _jobs(name):
    """Return the script of the nightly or monthly job of each recipe, as its shell gets it."""
    [pod] = [_template(one["spec"]) for one in KUBERNETES if one["metadata"]["name"] == f"rapport-{name}"]
    unit = (DEPLOY / f"systemd/rapport-{name}.service").read_text()
    [script] = re.findall(r"ExecStart=/bin/sh -c '(.*?)'\n", unit, re.DOTALL)
    return {
        "kubernetes": pod["spec"]["containers"][0]["args"][0],
        "compose": COMPOSE["services"][name]["command"][0].replace("$$", "$"),
        "systemd": script.replace("\\\n", " ").replace("$$", "$").replace("%%", "%"),
    }


def _run(script, folder, fails="nothing", code=19):
    """Return the exit code of a recipe's script and the commands that it gave, one of which fails."""
    program = f"""rapport() {{
      echo "$(echo "$*" | grep -oE '^[a-z]+( prune)?') $(echo "$*" | grep -oE 'churn|conversion')" >> {folder}/commands
      test "$(tail -n 1 {folder}/commands)" != "{fails}" || return {code}
    }}
    """
    script = re.sub("/data|/var/lib/rapport", str(folder), script.replace("/opt/rapport/bin/", ""))
    ran = subprocess.run(["sh", "-c", program + script], env={"RAPPORT_HISTORY": "h"}, check=False)
    commands = folder / "commands"
    return ran.returncode, commands.read_text().splitlines() if commands.exists() else []


@pytest.mark.parametrize("fails", ["nothing", "train churn", "score churn", "score conversion"])
def test_what_one_target_lacks_keeps_no_other_from_its_model_at_the_first_start(fails, tmp_path):
    code, commands = _run(_bootstrap(), tmp_path, fails)
    assert code == (19 if fails != "nothing" else 0)
    steps = ["keys ", "train churn", "score churn", "train conversion", "score conversion"]
    assert commands == [one for one in steps if fails != "train churn" or one != "score churn"]


@pytest.mark.parametrize("recipe", ["kubernetes", "compose", "systemd"])
@pytest.mark.parametrize(
    ("job", "steps"),
    [
        ("nightly", ["score churn", "score conversion"]),
        ("retrain", ["train churn", "models prune churn", "train conversion", "models prune conversion"]),
    ],
)
def test_a_job_serves_each_target_that_has_a_champion_and_tells_a_failure(job, steps, recipe, tmp_path):
    script = _jobs(job)[recipe]
    assert _run(script, tmp_path) == (0, [])
    for target in ("churn", "conversion"):
        (tmp_path / "models" / target).mkdir(parents=True)
        (tmp_path / "models" / target / "champion.json").touch()
    for fails in ("nothing", *steps):
        (tmp_path / "commands").unlink(missing_ok=True)
        code, commands = _run(script, tmp_path, fails)
        assert code == (19 if fails != "nothing" else 0)
        # What was not trained is not pruned.
        assert commands == [one for one in steps if one != fails.replace("train", "models prune") or one == fails]


@pytest.mark.parametrize("recipe", ["kubernetes", "compose", "systemd"])
def test_alerts_that_wait_for_the_worker_are_no_failure_of_the_night(recipe, tmp_path):
    for target in ("churn", "conversion"):
        (tmp_path / "models" / target).mkdir(parents=True)
        (tmp_path / "models" / target / "champion.json").touch()
    assert _run(_jobs("nightly")[recipe], tmp_path, "score churn", 22) == (0, ["score churn", "score conversion"])
