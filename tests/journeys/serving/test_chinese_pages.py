"""Pages in Chinese contain no English: on every page of the real application, and in every message catalogue."""

import re
from html import unescape
from string import Formatter

import pytest

from rapport.history.contract import FEATURE_TABLES
from rapport.training.messages import MESSAGES

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
    for table in FEATURE_TABLES:
        for column in table.columns:
            if column.kind in ("text", "id"):
                rows = company.history.connection.execute(f"SELECT DISTINCT {column.name} FROM {table.name}").fetchall()
                texts += [str(row[0]) for row in rows]
    return "\n".join(texts)


def product_english(page: str, data: str) -> set[str]:
    return {found for found in english(page) if found not in data}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_in_chinese_has_no_english_sentence(open_client, data, path):
    open_client.get("/language/zh")
    assert product_english(open_client.get(path).text, data) == set()


def test_customer_and_lead_pages_in_chinese_have_no_english_sentence(open_client, data):
    open_client.get("/language/zh")
    for target in ("churn", "conversion"):
        listed = open_client.get(f"/?target={target}").text
        for path in re.findall(r'href="(/customers/[^"]+)"', listed)[:12]:
            assert product_english(open_client.get(unescape(path)).text, data) == set(), path


def test_the_check_finds_english_on_an_english_page(open_client, data):
    open_client.get("/language/en")
    assert len(product_english(open_client.get("/model").text, data)) > 5


def test_the_model_page_shows_grade_and_gates_in_chinese(open_client):
    open_client.get("/language/zh")
    page = open_client.get("/model").text
    assert "未能稳定高于评分卡" in page
    assert "要求 C 级及以上" in page


GRADE_AND_GATES = [key for key in MESSAGES.texts if key.startswith(("grade.", "gate_text.", "rival."))]


@pytest.mark.parametrize("key", GRADE_AND_GATES)
def test_grade_and_gates_have_the_same_placeholders_in_both_languages(key):
    words = MESSAGES.texts[key]
    holes = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (words.en, words.zh)]
    assert holes[0] == holes[1]
    assert re.search(r"[\u4e00-\u9fff]", words.zh)
    assert not WORDS.search(words.zh)
