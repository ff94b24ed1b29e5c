"""The file of a further language before it is translated: every English text of the product, as gettext entries."""

from __future__ import annotations

import ast
import io
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from babel.core import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

import rapport
from rapport.features import catalog
from rapport.history.contract import TABLES, columns_of
from rapport.languages import ENGLISH, GRAMMAR, WRITTEN
from rapport.localized import LocalizedText
from rapport.scoring.reasons.feature_sentences import feature_variants, of_leads
from rapport.serving.translations import written_texts
from rapport.shipped_yaml import read_shipped

FOLDERS = ("history", "features", "scoring", "training", "serving")
LANGUAGES = Path(rapport.__file__).parent / "languages"
Found = Iterator[tuple[str, LocalizedText]]
"""Where a text is, and the text."""


def language_template(code: str) -> str:
    """Return the file of a language: what it has translated so far, and all texts that it has not."""
    own, template = LANGUAGES / f"{code}.po", _template(code)
    if not own.exists():
        return _as_text(template)
    with own.open("rb") as file:
        translated = read_po(file, locale=_locale(code))
    translated.update(template, no_fuzzy_matching=True)
    return _as_text(translated)


def _template(code: str) -> Catalog:
    # The time of its making would change the file whenever it is written.
    made = Catalog(locale=_locale(code), project="Rapport", creation_date=datetime(2026, 1, 1, tzinfo=UTC), fuzzy=False)
    made.header_comment = f"# Rapport in {code}: how the language writes, then every text."
    for name in WRITTEN:
        made.add(name, context=GRAMMAR, auto_comments=[f"English: “{getattr(ENGLISH, name)}”"])
    for text, places in _without_key().items():
        made.add(text, auto_comments=[", ".join(sorted(places)[:3])])
    for key, text in _with_key():
        made.add(text, context=key, auto_comments=["has another meaning elsewhere"])
    return made


def _as_text(catalogue: Catalog) -> str:
    file = io.BytesIO()
    write_po(file, catalogue, width=0, ignore_obsolete=True)
    return file.getvalue().decode()


def _locale(code: str) -> Locale | None:
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return None


def _without_key() -> Mapping[str, set[str]]:
    """Return where each English text is."""
    found: dict[str, set[str]] = defaultdict(set)
    for source in (_of_files(), _of_code(), _of_contract(), _of_features(), _of_leads(), _of_console()):
        for place, text in source:
            if text.en.strip():
                found[text.en].add(place)
    return found


def _with_key() -> Iterator[tuple[str, str]]:
    """Return the texts of the console that Chinese translates in several ways: other languages may need it, too."""
    meanings = defaultdict(set)
    for _, text in _of_console():
        meanings[text.en].add(text.zh)
    for key, text in _of_console():
        if len(meanings[text.en]) > 1 and text.en.strip():
            yield key, text.en


def _of_console() -> Found:
    chinese = written_texts("zh")
    return ((key, LocalizedText(text, chinese[key])) for key, text in written_texts("en").items())


def _folders() -> Iterator[tuple[str, Path]]:
    for name in FOLDERS:
        yield name, Path(str(import_module(f"rapport.{name}").__file__)).parent
    yield "rapport", Path(rapport.__file__).parent


def _files(ending: str) -> Iterator[tuple[str, Path]]:
    for name, folder in _folders():
        for path in sorted(folder.rglob(f"*{ending}")):
            inside = path.relative_to(folder)
            if "texts" not in inside.parts and not (name == "rapport" and inside.parts[0] in FOLDERS):
                yield f"{name}/{inside.as_posix()}", path


def _of_files() -> Found:
    for place, path in _files(".yaml"):
        yield from ((place, text) for text in _texts(read_shipped(path.read_text(encoding="utf-8"))))


def _texts(written: Any) -> Iterator[LocalizedText]:
    if isinstance(written, dict):
        if isinstance(written.get("en"), str) and isinstance(written.get("zh"), str):
            yield LocalizedText(written["en"], written["zh"])
        for inner in written.values():
            yield from _texts(inner)
    elif isinstance(written, list):
        for inner in written:
            yield from _texts(inner)


def _of_code() -> Found:
    for place, path in _files(".py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "LocalizedText":
                texts = [each.value for each in node.args if isinstance(each, ast.Constant)]
                if len(texts) == len(node.args) == 2:
                    yield place, LocalizedText(str(texts[0]), str(texts[1]))


def _of_contract() -> Found:
    for table in TABLES:
        yield f"table {table.name}", table.title
        yield from ((f"table {table.name}", column.title) for column in columns_of(table))


def _of_features() -> Found:
    return ((f"feature {feature.name}", feature.meaning) for feature in catalog().features)


def _of_leads() -> Found:
    for name, variants in feature_variants().items():
        yield from ((f"sentence {name}", of_leads(LocalizedText(each.en, each.zh))) for each in variants.values())
