"""One alert, with its sentence in every language."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from rapport.languages import FURTHER
from rapport.localized import LocalizedText


@dataclass(frozen=True)
class Alert:
    """One alert. The id is derived from customer, cause and moment, so the same alert always has the same id.

    An event is `seen_once`; a state, such as a high score, still holds at the next evaluation.
    """

    id: str
    customer_id: str
    rule: str
    cause: str
    priority: int
    as_of: datetime
    en: str
    zh: str
    at_stake: float
    seen_once: bool
    further: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The sentence in the further languages."""

    @property
    def text(self) -> LocalizedText:
        """Return the sentence in every language."""
        return LocalizedText.from_dict({**self.further, "en": self.en, "zh": self.zh})

    def with_text(self, text: LocalizedText, **changes: Any) -> "Alert":
        """Return the alert with another sentence, and with other changes."""
        return replace(self, en=text.en, zh=text.zh, further=text.further, **changes)

    def as_dict(self) -> dict[str, Any]:
        """Return the alert as JSON; each further language is a key of its own."""
        own = {name: value for name, value in vars(self).items() if name != "further"}
        return own | {"as_of": self.as_of.isoformat(), **self.further}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> "Alert":
        """Load what ``as_dict`` returned."""
        own = {each.name: body[each.name] for each in fields(cls) if each.name in body}
        further = {code: body[code] for code in FURTHER if code in body}
        return cls(**{**own, "as_of": datetime.fromisoformat(body["as_of"]), "further": further})
