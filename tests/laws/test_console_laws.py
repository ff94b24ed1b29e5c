"""What is true of every text, template and answer of the console."""

import re
from string import Formatter

from hypothesis import given
from hypothesis import strategies as st
from rapport.serving.console.figures import waterfall
from rapport.serving.console.looks import HERE, Texts

ENGLISH, CHINESE = Texts("en").words, Texts("zh").words
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "templates").glob("*.html")}
CODE = [path.read_text(encoding="utf-8") for path in HERE.rglob("*.py")]
shares = st.floats(0.001, 0.999)


_JINJA = r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}"
_NAMED_BLOCK = r"\{% block kind %\}\w*\{% endblock %\}"


def _without(text: str, *patterns: str) -> str:
    for pattern in patterns:
        text = re.sub(pattern, " ", text, flags=re.S)
    return text


def _holes(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_say_the_same_things_with_the_same_values():
    assert set(ENGLISH) == set(CHINESE)
    assert {key: _holes(text) for key, text in ENGLISH.items()} == {key: _holes(text) for key, text in CHINESE.items()}


def test_every_text_that_a_page_asks_for_exists():
    asked = {key for text in [*TEMPLATES.values(), *CODE] for key in re.findall(r"\b(?:t|texts)\('([\w.]+)'[),]", text)}
    assert len(asked) > 100
    assert asked <= set(ENGLISH)


def test_no_page_holds_words_of_its_own():
    # What is left of a template without tags, expressions and comments is marks and digits only.
    bare = {name: _without(text, _NAMED_BLOCK, _JINJA, r"<[^>]*>", r"&\w+;") for name, text in TEMPLATES.items()}
    allowed = {"Rapport", "CSV", "Excel", "PSI", "R", "F", "M"}
    found = {name: set(re.findall(r"[^\W\d_]+", text)) - allowed for name, text in bare.items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_no_page_runs_or_styles_inline_or_reaches_outside():
    for name, text in TEMPLATES.items():
        assert not re.search(r"""\son\w+=|\sstyle=|javascript:|<script>|\|\s*safe|//[a-z]+\.""", text), name


@given(base=shares, final=shares, points=st.lists(st.floats(-0.5, 0.5), max_size=8))
def test_every_waterfall_adds_up_in_the_digits_it_shows(base, final, points):
    steps = waterfall({"base_rate": base, "probability": final, "reasons": [{"points": share} for share in points]})
    shown = [round(step.points * 1000) for step in steps]
    assert sum(shown[:-1]) == shown[-1] == round(final * 1000)
