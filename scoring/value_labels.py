"""What the values of risk events are called in a sentence, in each language."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml

from rapport.localized import LocalizedText


def value_label(value: str) -> LocalizedText:
    """Return the label of a category, kind or role; a company's own value stays as it is."""
    return _labels().get(value, LocalizedText(value, value))


def listed_labels(values: str) -> LocalizedText:
    """Return the labels of values that are separated by commas."""
    labels = [value_label(value) for value in values.split(", ")]
    return LocalizedText(", ".join(label.en for label in labels), "、".join(label.zh for label in labels))


@cache
def _labels() -> Mapping[str, LocalizedText]:
    text = resources.files("rapport.scoring").joinpath("value_labels.yaml").read_text(encoding="utf-8")
    return {name: LocalizedText(**label) for name, label in yaml.safe_load(text).items()}
