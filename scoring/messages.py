"""The messages of scoring, and what the values of a company's records are called in them, in each language."""

from rapport.localized import LocalizedText, MessageCatalogue

MESSAGES = MessageCatalogue("rapport.scoring")


def value_label(value: str) -> LocalizedText:
    """Return the label of a category, kind or role; a company's own value stays as it is."""
    return MESSAGES.texts.get(value) or LocalizedText.same(value)


def listed_labels(values: str) -> LocalizedText:
    """Return the labels of values that are separated by commas."""
    return LocalizedText.listed(value_label(value) for value in values.split(", "))
