"""A language is one file: with it, every text of the product is in that language; without it, nothing changes."""

import re
from io import BytesIO

import pytest
from babel.messages.pofile import read_po
from further_language import (
    CODE,
    PAGES,
    REQUESTS,
    RULE,
    TOOLS,
    answers,
    bracketed,
    outside,
    package_with,
    strings,
    visible,
    walk,
)
from serving_world import AS_OF, MONTH_BEFORE

from rapport.cli.language_template import language_template

NO_TEXTS = {"Rapport", "English", "CSV", "Excel", "RFM", "A", "B", "C", "D", "East", "lawsuit", "customers", "orders"}
"""What every language writes alike: names, grades, codes of rules and tables, the other languages, and a region."""
CODE_OF_JSON = re.compile(r"«?[a-z_]+»?")
FENCE = "«»"
"""What stands around the words of the company in an answer to an agent."""
SENTENCE = re.compile(r"\b[a-z]{2,} [a-z]{2,} [a-z]{2,}\b")


@pytest.fixture(scope="module")
def template():
    return language_template(CODE)


@pytest.fixture(scope="module")
def english(template):
    """The English texts of the product."""
    return {entry.id for entry in read_po(BytesIO(template.encode())) if entry.id and entry.context != "grammar"}


@pytest.fixture(scope="module")
def names(active):
    return {"customer": active[0], "before": f"{MONTH_BEFORE:%Y-%m-%d}", "now": f"{AS_OF:%Y-%m-%d}"}


@pytest.fixture(scope="module")
def shown(company, names, template, tmp_path_factory):
    folder = package_with(bracketed(template), tmp_path_factory.mktemp("package"))
    return walk(folder, home=str(company.home), history=str(company.folder), names=names)


@pytest.fixture(scope="module")
def words_of_the_company(company):
    """What people wrote in the CRM, and what the model's training recorded before the file was there."""
    rows = company.history.connection.execute(
        "SELECT DISTINCT text FROM interactions WHERE text IS NOT NULL"
    ).fetchall()
    grade, *gates = company.bundle.evaluation["grade"], *company.bundle.evaluation["gates"]
    return [row[0] for row in rows] + [each["sentence"] for each in (grade, *gates)]


@pytest.fixture
def english_left(english, words_of_the_company):
    def left(texts):
        found = {outside(text).strip(FENCE) for text in texts} - NO_TEXTS
        product = (text for text in found if len(text) < 20 or not any(text in own for own in words_of_the_company))
        return sorted(text for text in product if text in english or SENTENCE.search(text))

    return left


@pytest.mark.parametrize("page", [*PAGES, "dossier", "training report"])
def test_every_text_of_a_page_is_in_the_language_of_the_file(shown, english_left, page):
    text = shown["pages"][page]
    assert "⟦" in text
    assert f'<html lang="{CODE}"' in text
    assert english_left(visible(text)) == []


@pytest.mark.parametrize("door", [*REQUESTS, *(f"tool {name}" for name in TOOLS)])
def test_every_text_of_an_answer_is_in_the_language_of_the_file(shown, english_left, door):
    assert any("⟦" in text for text in strings(shown[CODE][door]))
    texts = [text for text in strings(shown[CODE][door]) if not CODE_OF_JSON.fullmatch(text)]
    assert english_left(texts) == []


def test_the_findings_of_a_check_are_in_the_language_of_the_file(shown, english_left):
    assert "⟦" in shown["pages"]["check"]
    assert english_left(shown["pages"]["check"].split("\n")) == []


@pytest.mark.parametrize("door", ["pdf", "digest"])
def test_every_line_that_is_printed_or_sent_is_in_the_language_of_the_file(shown, english_left, door):
    assert any("⟦" in line for line in shown["lines"][door])
    assert english_left(shown["lines"][door]) == []


def test_an_alert_rule_has_a_field_for_its_text_in_every_language(shown):
    without, *further = (
        re.findall(r'<input name="(\w+)" value="([^"]*)" maxlength="300"( required)?', page) for page in shown["rules"]
    )
    own = [("en", RULE["en"], " required"), ("zh", RULE["zh"], " required")]
    assert without == [*own, (CODE, "", "")]
    # The last one names a placeholder that does not exist, and is refused.
    assert further == [[*own, (CODE, "{name} eble foriros.", "")]] * 2


def test_a_rule_whose_text_in_a_further_language_differs_is_a_change_of_the_draft(shown):
    assert [what for _, what in shown["changed"]] == ["changed"]


def test_a_record_keeps_its_sentences_in_the_language_of_the_file(shown, english_left):
    grade, *gates = shown["stored"]["grade"], *shown["stored"]["gates"]
    assert english_left([each[f"sentence_{CODE}"] for each in (grade, *gates)]) == []
    assert not any("⟦" in each["sentence"] + each["sentence_zh"] for each in (grade, *gates))


def test_an_alert_has_its_sentence_in_the_language_of_the_file(shown, english_left):
    alerts = [change["alert"] for change in shown["changes"]["changes"] if change.get("alert")]
    assert alerts
    assert english_left([alert[CODE] for alert in alerts]) == []


def test_english_and_chinese_answers_are_the_same_with_and_without_the_file(shown, open_client, names):
    for code in ("en", "zh"):
        assert shown[code] == answers(open_client, code, names)
