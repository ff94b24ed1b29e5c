"""What ``rapport init`` and a proposed mapping say beside the settings: comments, questions and doubts."""

from rapport.localized import LocalizedText, MessageCatalogue, localize

MESSAGES = MessageCatalogue("rapport.history.mapping")
message = MESSAGES.message


def comment(language: str, name: str, about: str) -> str:
    """Return a line of comment in the settings file."""
    return f"# {localize(message(name, about=about), language)}"


def question_line(question: LocalizedText, language: str) -> str:
    """Return the comment that asks a question."""
    return comment(language, "question", localize(question, language))
