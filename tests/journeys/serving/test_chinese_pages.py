"""What a Chinese reader is shown is Chinese: on every page of the real desk, and in every table of words."""

import re
from html import unescape
from string import Formatter

import pytest
from rapport.history import TABLES
from rapport.training.wording import NAMES, SAYS

WORDS = re.compile(r"[A-Za-z][A-Za-z’'-]*(?:[ ,;:]+[A-Za-z][A-Za-z’'-]*){3,}")
PAGES = ("/", "/?target=conversion", "/portfolio", "/portfolio?target=conversion", "/model", "/model?target=conversion",
         "/cards", "/cards/relationship", "/cards/behaviour")  # fmt: skip


def english(page: str) -> set[str]:
    """Return the runs of four English words or more that a page shows."""
    bare = re.sub(r"<(script|style|svg|textarea)\b.*?</\1>|<[^>]*>", "\n", page, flags=re.S)
    return {found.group(0) for line in unescape(bare).split("\n") for found in WORDS.finditer(line)}


@pytest.fixture(scope="module")
def data(company):
    """All words that the company itself wrote: names, notes of calls, products."""
    texts = []
    for table in TABLES:
        for column in table.columns:
            if column.kind in ("text", "id"):
                rows = company.history.connection.execute(f"SELECT DISTINCT {column.name} FROM {table.name}").fetchall()
                texts += [str(row[0]) for row in rows]
    return "\n".join(texts)


def ours(page: str, data: str) -> set[str]:
    return {found for found in english(page) if found not in data}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_in_chinese_has_no_english_sentence(open_client, data, path):
    open_client.get("/language/zh")
    assert ours(open_client.get(path).text, data) == set()


def test_the_pages_of_customers_and_leads_have_none_either(open_client, data):
    open_client.get("/language/zh")
    for target in ("churn", "conversion"):
        listed = open_client.get(f"/?target={target}").text
        for path in re.findall(r'href="(/customers/[^"]+)"', listed)[:12]:
            assert ours(open_client.get(unescape(path)).text, data) == set(), path


def test_the_check_finds_what_it_looks_for(open_client, data):
    open_client.get("/language/en")
    assert len(ours(open_client.get("/model").text, data)) > 5


def test_the_model_page_tells_grade_and_gates_in_chinese(open_client):
    open_client.get("/language/zh")
    page = open_client.get("/model").text
    assert "未能稳定高于评分卡" in page
    assert "要求 C 级及以上" in page


@pytest.mark.parametrize("words", [*SAYS.values(), *NAMES.values()], ids=[*SAYS, *NAMES])
def test_both_languages_say_the_same_of_a_training(words):
    holes = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (words.en, words.zh)]
    assert holes[0] == holes[1]
    assert re.search(r"[\u4e00-\u9fff]", words.zh)
    assert not WORDS.search(words.zh)
