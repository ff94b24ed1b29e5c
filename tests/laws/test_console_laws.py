"""Laws of every text, template and waterfall of the console."""

import re
from pathlib import Path
from string import Formatter
from typing import get_args, get_type_hints

from hypothesis import example, given
from hypothesis import strategies as st

from rapport.scoring.analytics.deals import CARD_ROLES
from rapport.scoring.reasons.sentences import sentence_catalog
from rapport.serving.console.charts import waterfall
from rapport.serving.console.formats import percent
from rapport.serving.console.formats import points as as_points
from rapport.serving.console.rendering import CONSOLE_DIR
from rapport.serving.errors import MESSAGES
from rapport.serving.shapes.answers import ChangePart
from rapport.serving.shapes.feed_answers import EffectReport, Uplift
from rapport.serving.translations import Translations

ENGLISH, CHINESE = Translations("en").texts, Translations("zh").texts
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (CONSOLE_DIR / "templates").glob("*.html")}
CODE = [path.read_text(encoding="utf-8") for path in CONSOLE_DIR.rglob("*.py")]
shares = st.floats(0.001, 0.999)


_JINJA = r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}"
_NAMED_BLOCK = r"\{% block kind %\}[\w-]*\{% endblock %\}"


def _without(text: str, *patterns: str) -> str:
    for pattern in patterns:
        text = re.sub(pattern, " ", text, flags=re.S)
    return text


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys_and_placeholders():
    assert set(ENGLISH) == set(CHINESE)
    assert {key: _placeholders(text) for key, text in ENGLISH.items()} == {
        key: _placeholders(text) for key, text in CHINESE.items()
    }


def test_every_text_key_that_a_page_names_exists():
    call = r"""\b(?:t|translate|_translations\(request\))\(['"]([\w.]+)['"][),]"""
    named = {key for text in [*TEMPLATES.values(), *CODE] for key in re.findall(call, text)}
    assert len(named) > 100
    assert named <= set(ENGLISH)


def test_every_text_is_named_by_a_page_or_by_the_value_that_it_is_for():
    # A text such as analysis.revenue belongs to a named group (analysis) and a name that something else carries.
    folders = (Path(__file__).parents[2] / name for name in ("rapport", "history", "features", "scoring", "serving"))
    paths = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".html", ".js", ".yaml")
    ]
    source = "\n".join(path.read_text(encoding="utf-8") for path in paths if "texts" not in path.parts)
    quoted, words = set(re.findall(r"""['"]([\w.]+?)[._]?['"]""", source)), set(re.findall(r"\w+", source))
    composed = tuple(set(re.findall(r"""f?['"]([\w.]{6,}[._])(?:\{|['"] *[~+])""", source)))
    groups = quoted | {start[:-1] for start in composed}

    def is_named(key: str) -> bool:
        parts = key.split(".")
        rests = [parts[end:] for end in range(1, len(parts)) if ".".join(parts[:end]) in groups]
        return any(
            all(word in words or word.startswith(composed) for word in re.findall(r"\w+", ".".join(rest)))
            for rest in rests
        )

    assert {key for key in ENGLISH if key not in quoted and not key.startswith(composed) and not is_named(key)} == set()
    facts = {f"fact.{name}" for sentence in sentence_catalog().sentences for name in sentence.facts}
    assert {key for key in ENGLISH if key.startswith("fact.")} <= facts


def test_the_service_names_each_of_its_messages_and_no_other():
    code = [path.read_text(encoding="utf-8") for path in CONSOLE_DIR.parent.rglob("*.py")]
    named = {key for text in code for key in re.findall(r'(?:message|say)\("(\w+)"', text)}
    chosen = {"unanswered", "unanswered_of", *(f"deal_role_{role}" for role in CARD_ROLES.values())}
    verdicts, changes = get_type_hints(EffectReport)["verdict"], get_type_hints(ChangePart)["kind"]
    chosen |= {f"{start}_{verdict}" for verdict in get_args(verdicts) for start in ("effect", "effect_verdict")}
    chosen |= {f"uplift_{verdict}" for verdict in get_args(get_type_hints(Uplift)["verdict"])}
    chosen |= {f"change_{kind}" for kind in get_args(changes) if kind != "facts"}
    chosen |= {f"effect_{share}" for share in ("contacted_share", "contaminated_share")}
    assert named | chosen == set(MESSAGES.texts)


def test_no_template_contains_untranslated_text():
    # A template without tags, expressions and comments contains only punctuation and digits.
    bare = {name: _without(text, _NAMED_BLOCK, _JINJA, r"<[^>]*>", r"&\w+;") for name, text in TEMPLATES.items()}
    allowed = {"Rapport", "CSV", "Excel", "PSI", "R", "F", "M"}
    found = {name: set(re.findall(r"[^\W\d_]+", text)) - allowed for name, text in bare.items()}
    assert {name: words for name, words in found.items() if words} == {}


def test_no_template_has_inline_scripts_or_styles_or_external_urls():
    for name, text in TEMPLATES.items():
        assert not re.search(r"""\son\w+=|\sstyle=|javascript:|<script>|\|\s*safe|//[a-z]+\.""", text), name


@given(base=shares, final=shares, points=st.lists(st.floats(-0.5, 0.5), max_size=8))
# A tie of the share, 0.0025, is none of the percentage as the page writes it.
@example(base=0.0025, final=0.0245, points=[0.0005, -0.0015])
def test_every_waterfall_adds_up_in_the_digits_it_shows(base, final, points):
    steps = waterfall({"base_rate": base, "probability": final, "reasons": [{"points": share} for share in points]})
    shown = [percent(step.points, 1) if step.kind in ("base", "final") else as_points(step.points) for step in steps]
    assert (shown[0], shown[-1]) == (percent(base, 1), percent(final, 1))
    assert shown[1 : len(points) + 1] == [as_points(share) for share in points]
    tenths = [round(float(text.removesuffix("%").replace("−", "-")) * 10) for text in shown]
    assert sum(tenths[:-1]) == tenths[-1]
