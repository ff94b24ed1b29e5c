"""Identifiers use the terms of GLOSSARY.md: no private word in the name of a module, class, function or argument.

python tests/laws/test_vocabulary.py        # list the offenders, grouped by word
"""

import ast
import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("rapport", "history", "features", "scoring", "training", "serving")
STANDARD_TERMS = {
    "alarm": "alert",
    "asked": "request, requested",
    "aside": "atomic write, rejected",
    "beside": "compared, reference",
    "book": "portfolio",
    "books": "portfolios",
    "came": "observed",
    "cardroom": "card queries",
    "committee": "ensemble",
    "crown": "set_champion",
    "desk": "application",
    "door": "reader, sign-in",
    "doorkeeper": "auth",
    "experts": "members",
    "gauges": "metrics",
    "given": "input, arguments",
    "gone": "removed, churned",
    "ground": "training data",
    "habits": "posterior draws",
    "heard": "inbound, received",
    "home": "data_dir",
    "house": "policy, router",
    "journal": "log",
    "judge": "evaluate",
    "judged": "evaluated",
    "kin": "relatives",
    "laid": "loaded",
    "lay": "load",
    "laying": "loading",
    "likeness": "similarity",
    "looking": "profiling",
    "looks": "templates, scoring dates",
    "made": "result",
    "modelroom": "model queries",
    "moods": "sentiment",
    "mood": "sentiment",
    "night": "score snapshot",
    "nightly": "scoring run",
    "nights": "score snapshots",
    "office": "app state",
    "outward": "outbound",
    "place": "folder, position, node",
    "places": "folders, positions",
    "reign": "champion period",
    "reigns": "champion periods",
    "rung": "threshold",
    "said": "predicted, written",
    "shelf": "model store",
    "speaker": "renderer",
    "spoken": "rendered",
    "strays": "outliers",
    "tell": "print, notify",
    "tells": "notifies",
    "told": "measures, result, predictions",
    "unsaid": "missing",
    "vote": "weight",
    "voted": "weighted",
    "votes": "weights",
    "witness": "statistics",
    "witnesses": "statistics",
}
"""Private word → the standard term to use."""
ALLOWED = frozenset(
    {
        "addInPlace",
        "bento_home",
        "made_at",
        "home",
        "home_figures",
        "industry_place",
        "_industry_place",
        "place_in_industry",
    }
    | {"judged"}  # the stored key of an outlook
)
"""Identifiers that another library or a stored file defines."""


def words_of(identifier: str) -> list[str]:
    """Split an identifier into its lower-case words: ``file_ofCustomer`` is file, of, customer."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)]


def identifiers(source: str) -> list[tuple[int, str]]:
    """Return the names that a module defines, with their lines: classes, functions, arguments and fields."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            found.append((node.lineno, node.name))
            found += [(part.lineno, part.target.id) for part in node.body if _is_field(part)]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            found.append((node.lineno, node.arg))
    return found


def _is_field(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)


def offenders() -> list[tuple[str, str]]:
    """Return each private word with the place and identifier in which it stands."""
    found = []
    for path in sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")):
        module = path.relative_to(ROOT)
        names = [(0, part) for part in module.with_suffix("").parts]
        names += identifiers(path.read_text(encoding="utf-8"))
        for line, name in names:
            found += [
                (word, f"{module}:{line} {name}")
                for word in words_of(name)
                if word in STANDARD_TERMS and name not in ALLOWED
            ]
    return list(dict.fromkeys(found))


def test_identifiers_use_the_standard_terms():
    assert [f"{place}: write {STANDARD_TERMS[word]}" for word, place in offenders()] == []


def test_a_private_word_is_found_wherever_a_name_is_defined():
    source = "class NightDesk:\n    told: int\n    async def asked(self, *votes, **said): pass\n"
    assert [word for _, name in identifiers(source) for word in words_of(name) if word in STANDARD_TERMS] == [
        "night",
        "desk",
        "told",
        "asked",
        "votes",
        "said",
    ]


def test_the_list_itself_is_of_single_words():
    assert all(words_of(word) == [word] for word in STANDARD_TERMS)


def main() -> None:
    """Print the offenders, grouped by word."""
    by_word = defaultdict(list)
    for word, place in offenders():
        by_word[word].append(place)
    for word, places in sorted(by_word.items(), key=lambda item: -len(item[1])):
        lines = [f"{word} → {STANDARD_TERMS[word]}: {len(places)}", *places]
        sys.stdout.write("\n    ".join(lines) + "\n")


if __name__ == "__main__":
    main()
