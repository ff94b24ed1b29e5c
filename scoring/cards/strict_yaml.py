"""Read hand-written YAML: a repeated key or a wrong indent is refused with a sentence."""

from pathlib import Path
from typing import Any

import yaml

from rapport.errors import CardError
from rapport.localized import LocalizedText
from rapport.scoring.cards.config_errors import MESSAGES

_IN_FILE = LocalizedText("{where}, {problem}", "{where}，{problem}")
# A card has about six levels; text from a form must not use up the stack, nor grow by references.
_MAX_DEPTH, _MAX_ALIASES = 24, 20


class _Strict(yaml.SafeLoader):
    """A loader that refuses repeated keys, deep nesting and many aliases; the default keeps the last of equal keys."""

    _depth = _aliases = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node; one that is nested too deeply, or too many references, are refused."""
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # its stub has no types
        if self._depth >= _MAX_DEPTH:
            raise CardError(f"line {mark.line + 1}: nested more than {_MAX_DEPTH} levels deep; a card needs about six.")
        self._aliases += self.check_event(yaml.AliasEvent)
        if self._aliases > _MAX_ALIASES:
            raise CardError(f"line {mark.line + 1}: more than {_MAX_ALIASES} aliases (*name); write the values out.")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Build a mapping; a repeated key is refused by name."""
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise CardError(MESSAGES.message("key_twice", line=line, key=key))
            seen.add(key)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, where: str) -> object:
    """Parse YAML text; errors call it `where`."""
    try:
        return yaml.load(text, Loader=_Strict)
    except CardError as error:
        raise CardError(_IN_FILE.filled(where=where, problem=LocalizedText.of(error.sentence))) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = MESSAGES.message("line", line=mark.line + 1) if mark else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise CardError(MESSAGES.message("not_yaml", where=where, line=line, problem=problem)) from error


def read_text(path: Path) -> str:
    """Read a UTF-8 text file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CardError(f"{path}: there is no such file.") from error
    except UnicodeDecodeError as error:
        raise CardError(f"{path.name}: not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
    except OSError as error:
        raise CardError(f"{path}: cannot be read ({error.strerror}).") from error
