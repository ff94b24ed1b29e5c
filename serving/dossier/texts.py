"""The texts and number formats of the dossier in one language."""

from collections.abc import Mapping

from rapport.durations import parse_duration
from rapport.localized import recorded
from rapport.serving.translations import translations

_LAWS = ("PIPL 24", "PIPL 55", "GDPR 15", "GDPR 17", "GDPR 22", "AI Act 50")


class Texts:
    """The texts of one language."""

    def __init__(self, language: str) -> None:
        self.language = language

    def __call__(self, key: str, **values: object) -> str:
        """Return a text with its values."""
        return translations(self.language)(f"dossier.{key}", **values)

    def rights(self) -> tuple[tuple[str, str, str], ...]:
        """Return each law with the right that it gives and how it is answered."""
        return tuple((law, self(f"law.{law}.right"), self(f"law.{law}.how")) for law in _LAWS)

    def sentence(self, written: Mapping[str, object], name: str = "sentence") -> str:
        """Return a recorded sentence in this language; records of before have English only."""
        return str(recorded(written, name, self.language) or "")

    def duration(self, written: str) -> str:
        """Return a duration in words; a dash where there is none."""
        if not written:
            return "–"
        span = parse_duration(written)
        return self("months", count=span.months) if span.months else self("days", count=span.days)

    def either(self, value: object) -> str:
        """Return yes or no."""
        return self("answer.yes" if value else "answer.no")

    def recorded(self, value: object) -> str:
        """Return a recorded value, or that there is none."""
        return str(value) if value else self("unrecorded")


def percent(value: float | None) -> str:
    """Return a share in percent, a dash where it is unknown."""
    return "–" if value is None else f"{value:.1%}"


def points(value: float | None) -> str:
    """Return a difference of two shares in percentage points, with its sign."""
    return "–" if value is None else f"{100 * value:+.1f}"


def spread(value: float | None) -> str:
    """Return how far two shares are apart, in percentage points."""
    return "–" if value is None else f"{100 * value:.1f}"


def figure(value: float | None) -> str:
    """Return a metric with three decimals."""
    return "–" if value is None else f"{value:.3f}"


def whole(value: float | None) -> str:
    """Return a count."""
    return "–" if value is None else f"{value:,}"
