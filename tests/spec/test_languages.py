"""The file of a further language: what it translates, how it writes nouns, and what of it does not count."""

import ast
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from rapport.cli.language_template import language_template
from rapport.languages import ENGLISH, grammar, translated
from rapport.languages.translation_file import read_translations
from rapport.localized import LocalizedText, localize, recorded

ROOT = Path(__file__).parents[2]
POLISH = """
msgid ""
msgstr ""
"Language: pl\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\\n"

msgctxt "grammar"
msgid "comma"
msgstr " i "

msgid "Open"
msgstr "Otwarte"

msgctxt "task.open"
msgid "Open"
msgstr "Otwórz"

msgid "{n} orders"
msgstr "{count} zamówień"

#, fuzzy
msgid "Draft"
msgstr "Szkic"
"""


@pytest.fixture
def polish(tmp_path):
    (tmp_path / "pl.po").write_text(POLISH, encoding="utf-8")
    return read_translations(tmp_path / "pl.po")


@pytest.mark.parametrize(
    ("text", "context", "translation"),
    [
        ("Open", None, "Otwarte"),
        ("Open", "task.open", "Otwórz"),
        ("comma", "grammar", " i "),
        ("Draft", None, None),
        ("{n} orders", None, None),
        ("Not in the file", None, None),
    ],
)
def test_a_draft_and_a_translation_that_cannot_be_filled_count_as_none(polish, text, context, translation):
    assert polish.get(text, context) == translation


@pytest.mark.parametrize(("number", "position"), [("1", 0), ("3", 1), ("5", 2), ("1,002", 1), ("2.5", 99)])
def test_the_form_of_a_noun_follows_the_rule_of_the_file(polish, number, position):
    assert polish.plural(number) == position


def test_a_file_that_is_not_gettext_is_refused_by_name(tmp_path):
    (tmp_path / "pl.po").write_text("Open: Otwarte", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^pl\.po: not a gettext file"):
        read_translations(tmp_path / "pl.po")


def test_a_language_without_a_file_reads_english():
    text = LocalizedText("{n} {n:order|orders}", "{n} 单").filled(n=2)
    assert (localize(text, "pl"), grammar("pl"), translated("Open", "pl")) == ("2 orders", ENGLISH, "Open")
    assert recorded({"sentence": "Good.", "sentence_zh": "好。"}, "sentence", "pl") == "Good."


def test_the_template_translates_nothing_and_has_every_text_of_the_console_once():
    entries = [entry for entry in read_po(BytesIO(language_template("pl").encode())) if entry.id]
    ids = [(entry.context, entry.id) for entry in entries]
    assert len(ids) == len(set(ids)) > 3_000
    assert not any(entry.string for entry in entries)


def test_a_text_made_in_code_is_made_for_every_language():
    # LocalizedText(f"…", f"…") would have no further language; features list theirs in the template.
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("rapport", "history", "scoring", "training", "serving")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "LocalizedText"
        if any(isinstance(each, ast.JoinedStr) for each in node.args)
    ]
    assert found == []
