"""No text that a user reads contains a term that the vocabulary has replaced."""

import re
from pathlib import Path
from string import Formatter

import pytest

from rapport.serving.translations import Translations

ROOT = Path(__file__).resolve().parents[2]
FILES = [
    *sorted((ROOT / "serving/texts").rglob("*.yaml")),
    *sorted((ROOT / "serving/console").rglob("*.html")),
    *sorted((ROOT / "serving/console/static").glob("*.js")),
    *sorted((ROOT / "scoring").rglob("*.yaml")),
    *sorted((ROOT / "training").rglob("*.yaml")),
    *sorted((ROOT / "training").rglob("*.html")),
    *sorted((ROOT / "history/checks").rglob("*.html")),
    *sorted((ROOT / "features/catalog/families").glob("*.py")),
]
# Replaced terms as regular expressions; a colon before a term means that it is the whole of a label.
ENGLISH = (
    r": (Leaving|Buying|Rhythm|Fit|Tone|Touches|Together|Even|Mark|Since when|What now)(?=$|[,}])",
    r"needs a call this week",
    r"\b[Vv]alue at risk\b",
    r"\b[Cc]hance of (leaving|buying|losing)\b",
    r"\bwithin the horizon\b",
    r"\b[Uu]sual (chance|for others)\b",
    r"\b(Why this number|Why it moved|What would help|Who decides|The group|What happened)\b",
    r"\bhang on a single person\b",
    r"\b(Important|General) [-–] ",
    r"\b[Ll]et go\b",
    r"\b[Rr]hythm of orders\b",
    r"\b[Tt]ouches (in|so far|of|on)\b",
    r"\b[Tt]he (whole book|committee)\b",
    r"\bWhat was said, what happened\b",
    r"\bU-shape\b",
    r"\bBy removal\b",
    r"\bNot right\b",
    r"\bTake .* rows along\b",
)
CHINESE = (
    r": (标记|年限|匹配|转化)$",
    *(
        "工作清单",
        "推迟",
        "客户全景",
        "近度",
        "节奏",
        "触点",
        "购买概率",
        "转化",
        "预测期内",
        "同类通常",
        "为什么是这个数",
    ),
    *(
        "从何时开始",
        "怎样会有帮助",
        "现在做什么",
        "谁来决定",
        "发生过什么",
        "决策者",
        "唤回",
        "没有概率",
        "刚下过单",
        "每个活跃日",
    ),
    *("移除法", "平均分配", "U 形", "您的密钥", "(?<!流失)风险金额", "一般(流失|购买)概率", "标记"),
)


def _found(pattern: str, text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if re.search(pattern, line)]


@pytest.mark.parametrize("pattern", [*ENGLISH, *CHINESE])
def test_no_screen_text_contains_a_replaced_term(pattern):
    found = {path.relative_to(ROOT).as_posix(): _found(pattern, path.read_text(encoding="utf-8")) for path in FILES}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_every_kind_of_screen_text_is_searched():
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == {
        "serving",
        "scoring",
        "training",
        "history",
        "features",
    }
    assert {path.suffix for path in FILES} == {".yaml", ".html", ".js", ".py"}


@pytest.mark.parametrize("line", ["target.churn: Leaving", "nav.worklist: 工作清单", "money.churn: 风险金额"])
def test_the_search_finds_a_replaced_term(line):
    assert any(_found(pattern, line) for pattern in (*ENGLISH, *CHINESE))


# A date such as 2026年11月1日 is one word; the house rule is a space between characters and Latin letters or numbers.
CROWDED = re.compile(r"[\u3400-\u9fff][A-Za-z0-9]|[A-Za-z0-9%][\u3400-\u9fff]")
DATE = re.compile(r"\d+年(\d+月(\d+日)?)?|\d+月\d+日")


@pytest.mark.parametrize("value", [7, "Q3", "12 个月", "2026年11月1日"])
def test_a_chinese_text_has_a_space_beside_latin_letters_and_numbers(value):
    chinese = Translations("zh")
    filled = {
        key: chinese(key, **{name: value for _, name, *_ in Formatter().parse(text) if name})
        for key, text in chinese.texts.items()
    }
    assert {key: text for key, text in filled.items() if CROWDED.search(DATE.sub("", text))} == {}
