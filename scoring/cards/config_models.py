"""Models of hand-written configuration files: their base, the types of their fields, and one sentence for each error.

A file is described by standard dataclasses with pydantic's types: `parse_config` validates them, while code that builds
one, as scoring does, pays for no validation.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, make_dataclass
from functools import cache, partial
from itertools import pairwise
from typing import Annotated, Any, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    TypeAdapter,
    ValidateAs,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic.fields import FieldInfo

from rapport.errors import CardError
from rapport.languages import FURTHER, OWN
from rapport.localized import LocalizedText
from rapport.scoring.cards.config_errors import ConfigError, describe, nearest, sentence_of, unknown_choice

T = TypeVar("T")


class ConfigModel:
    """A mapping with fixed keys, the fields of the dataclass; a key without a value counts as absent."""

    @model_validator(mode="before")
    @classmethod
    def _check_keys(cls, written: object) -> object:
        # Pydantic's own refusal of a key names no other, and comes after the errors of the fields.
        if not isinstance(written, dict):
            return written
        check_keys(written, keys_of(cls))
        return {key: value for key, value in written.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """Return the content of a file of this model; reading it returns an equal one."""
        return dict(_adapter(type(self)).dump_python(self, by_alias=True, exclude_none=True))


def parse_config(model: type[T], written: object, where: str, known: object = None) -> T:
    """Return the model of what a file holds; errors call the file `where`. ``known`` are the features that exist."""
    try:
        found: T = _adapter(model).validate_python(written, context=known)
    except ValidationError as error:
        raise CardError(sentence_of(error.errors(include_url=False), written, where)) from error
    return found


def check_keys(written: Iterable[object], known: Sequence[str]) -> None:
    """Refuse a key that is not known."""
    for key in written:
        if key not in known:
            raise ConfigError("unknown_key", key=key, near=nearest(key, known), keys=", ".join(known))


def check_unique(items: Iterable[Any], what: str) -> None:
    """Refuse items of which two have the same name."""
    names = [str(item.name) for item in items]
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError("twice", what=what, name=twice[0])


def check_falling(floors: Sequence[float], what: str) -> None:
    """Refuse floors of tiers or grades that do not fall from line to line."""
    for position, (above, floor) in enumerate(pairwise(floors), 1):
        if floor >= above:
            raise ConfigError("not_falling", floor=floor, above=above, what=what, at=(position,))


def one_of(choices: Sequence[str]) -> BeforeValidator:
    """Return the check that a value is one of the choices."""
    return BeforeValidator(_refuse_unless(lambda value: value in choices, lambda value: unknown_choice(value, choices)))


def in_range(least: float, most: float, key: str) -> AfterValidator:
    """Return the check that a number lies from `least` to `most`; ``key`` is that of the message."""
    return AfterValidator(_refuse_unless(lambda value: least <= value <= most, partial(_error, key)))


def _whole(least: int) -> BeforeValidator:
    error = partial(_error, "not_whole", least=least)
    return BeforeValidator(_refuse_unless(lambda value: type(value) is int and value >= least, error))


def _is_name(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[a-z][a-z0-9_]*", value) is not None


def _error(key: str, value: object, **values: Any) -> ConfigError:
    return ConfigError(key, value=value, described=describe(value), **values)


def _refuse_unless(holds: Callable[[Any], bool], error: Callable[[Any], ConfigError]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not holds(value):
            raise error(value)
        return value

    return check


def _known_feature(name: str, info: ValidationInfo) -> str:
    if info.context is not None and name not in info.context:
        raise ConfigError("unknown_feature", name=name, near=nearest(name, info.context))
    return name


Name = Annotated[str, BeforeValidator(_refuse_unless(_is_name, partial(_error, "not_a_name")))]
"""An identifier; it becomes a column name and a code."""
FeatureName = Annotated[Name, AfterValidator(_known_feature)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
# A number in quotes or with separators is refused, not guessed.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, _whole(0)]
Count = Annotated[int, _whole(1)]
Flag = Annotated[bool, Field(strict=True)]
NotEmpty = Field(min_length=1)
Texts = Annotated[tuple[Text, ...], NotEmpty]


# A text of a company's own file may have the further languages, too; the shipped ones are translated by their files.
_FIELDS: list[Any] = [*((code, Text) for code in OWN), *((code, Text | None, None) for code in FURTHER)]
_Languages: Any = make_dataclass("_Languages", _FIELDS, bases=(ConfigModel,), frozen=True)


Localized = Annotated[
    LocalizedText,
    ValidateAs(_Languages, lambda texts: LocalizedText.from_dict(vars(texts))),
    PlainSerializer(LocalizedText.as_written),
]


def _keys(model: type[Any]) -> list[str]:
    hints = get_type_hints(model, include_extras=True)
    return [FieldInfo.from_annotation(hints[field.name]).alias or field.name for field in fields(model)]


_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)
keys_of: Callable[[object], list[str]] = cache(_keys)
"""The keys of a model's mapping, in the order of its fields."""
