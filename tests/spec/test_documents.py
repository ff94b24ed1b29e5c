"""Everything that a user can meet is documented, and everything that a page names exists."""

import pkgutil
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import rapport.errors
from rapport.cli.documents import DOCS, pages
from rapport.durations import parse_duration
from rapport.features import Catalog, catalog, snapshot
from rapport.features.catalog.families import orders
from rapport.history import history_of
from rapport.scoring.cards import load_card
from rapport.scoring.cards.card_file import shipped_names
from rapport.scoring.models.columns import FeatureColumn
from rapport.scoring.models.matrix import Matrix
from rapport.scoring.models.members import loading
from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.errors import CODES

ROOT = DOCS.parent


@pytest.mark.parametrize("name", sorted(pages()))
def test_a_generated_page_is_as_the_code_is(name):
    assert (DOCS / name).read_text(encoding="utf-8") == pages()[name](), "run `make docs`"


def test_every_exit_code_is_in_the_page_of_the_commands():
    codes = {error.exit_code for error in vars(rapport.errors).values() if hasattr(error, "exit_code")}
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", (DOCS / "commands.md").read_text(), re.MULTILINE)}
    assert codes <= listed


@pytest.mark.parametrize("name", shipped_names())
def test_the_tiers_of_every_shipped_card_are_in_the_page_of_the_cards(name):
    tiers = load_card(name).tiers
    shown = [f"{tier.label.en} ≥ {tier.floor:g}" if tier.floor is not None else tier.label.en for tier in tiers]
    [row] = [line for line in (DOCS / "cards.md").read_text("utf-8").splitlines() if line.startswith(f"| `{name}` |")]
    assert ", ".join(shown).lower() in row.lower()


@pytest.mark.parametrize("path", sorted({endpoint.path for endpoint in ENDPOINTS}))
def test_every_endpoint_is_in_the_page_of_the_api(path):
    assert path in (DOCS / "http.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", sorted(CODES.values()))
def test_every_error_code_is_in_the_page_of_the_api(code):
    assert f"`{code}`" in (DOCS / "http.md").read_text(encoding="utf-8")


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in sorted(DOCS.glob("*.md")) if f"docs/{page.name}" not in readme] == []


def test_every_link_between_pages_leads_somewhere():
    broken = [
        (page.name, link)
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if "://" not in link and not Path(page.parent / link).exists()
    ]
    assert broken == []


def test_every_file_that_a_page_names_exists():
    folders = "rapport|history|features|scoring|training|serving|tests|benchmarks|notebooks|deploy"
    missing = [
        (page.name, path)
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
        for path in re.findall(rf"`((?:{folders})/[\w/.-]+)`", page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists()
    ]
    assert missing == []


PYTHON_NAME = re.compile(r"`(?:rapport\.)?((?:history|features|scoring|training|serving)\.[a-z_.]+\w)[(`]")


def test_every_python_name_that_a_page_names_exists():
    names = {
        (page.name, name)
        for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
        for name in PYTHON_NAME.findall(page.read_text(encoding="utf-8"))
        if not name.endswith((".py", ".md"))
    }
    assert len(names) > 5
    assert [pair for pair in sorted(names) if not _exists(pair[1])] == []


def _exists(name):
    try:
        pkgutil.resolve_name(f"rapport.{name}")
    except (ImportError, AttributeError):
        return False
    return True


HOW_TO = ("feature", "table", "data-source", "card", "ensemble-member", "endpoint", "console-page", "language")


@pytest.mark.parametrize("change", HOW_TO)
def test_each_change_has_a_page_that_names_its_files(change):
    (page,) = DOCS.glob(f"how-to/add-a*-{change}.md")
    named = re.findall(r"`((?:history|features|scoring|training|serving)/[\w/.-]*)`", page.read_text(encoding="utf-8"))
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_feature_added_as_its_page_says_is_measured():
    """Follow the how-to page: its example, put into the catalog, counts what it says."""
    page = (DOCS / "how-to/add-a-feature.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    feature = eval(example, vars(orders))  # noqa: S307 - the page is ours
    days = (datetime(2026, 9, 1), datetime(2026, 10, 1), datetime(2026, 10, 25))
    rows = [{"customer_id": "A", "order_id": f"{day}", "ordered_at": day, "amount": 10.0} for day in days]
    with history_of({"orders": pa.Table.from_pylist(rows)}) as history:
        own = Catalog((feature,), catalog().vocabulary)
        table = snapshot(history, datetime(2026, 11, 1), own, active=parse_duration("12mo"))
    assert table.column("orders_count_45d").to_pylist() == [2]


def test_an_ensemble_member_added_as_its_page_says_splits_its_log_odds_and_is_loaded(monkeypatch):
    """Follow the how-to page: its example is centred, adds up, and comes back from what is stored."""
    page = (DOCS / "how-to/add-an-ensemble-member.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    written = {"__name__": __name__}
    exec(example, written)
    days = FeatureColumn("days_since_last_order", "recency", "days", 1, False, "", "", ())
    rows = Matrix((days,), np.array([[10.0], [30.0]]))
    member = written["SilenceMember"](-0.02).centred_on(rows)
    parts = member.contributions(rows)
    assert [parts.mean, *parts.by_family["recency"], *parts.logit()] == pytest.approx([-0.4, 0.2, -0.2, -0.2, -0.6])
    monkeypatch.setattr(loading, "LOADERS", {"silence": type(member).from_dict})
    assert loading.load_member(member.to_dict(), member.files()) == member
