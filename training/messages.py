"""The sentences of training in English and Chinese: reports, monitoring, data checks, grade, gates."""

from rapport.localized import LocalizedText, MessageCatalogue, Translate

__all__ = ["MESSAGES", "Translate", "joined", "localized", "translator"]

MESSAGES = MessageCatalogue("rapport.scoring", "rapport.training")
localized, translator = MESSAGES.message, MESSAGES.translator


def joined(sentences: tuple[LocalizedText, ...]) -> LocalizedText:
    """Join sentences: with a space in English, without one in Chinese."""
    return LocalizedText.sentences(sentences)
