"""Errors that a user can correct; each message says what is wrong, where, and what to do."""

from rapport.localized import LocalizedText, localize


class RapportError(ValueError):
    """Base class; the message is shown to the user unchanged, in both languages where it is written in both."""

    exit_code = 1

    def __init__(self, message: str | LocalizedText = "") -> None:
        self.localized = message if isinstance(message, LocalizedText) else None
        super().__init__(message.en if isinstance(message, LocalizedText) else message)

    def sentence(self, language: str) -> str:
        """Return the message in a language; one that is written in English only stays English."""
        return str(self) if self.localized is None else localize(self.localized, language)


class TableError(RapportError):
    """A table or column of the history does not meet the table contract."""

    exit_code = 10


class SettingsError(RapportError):
    """A setting in rapport.toml or the environment is not valid."""

    exit_code = 11


class CardError(RapportError):
    """A scorecard is not valid."""

    exit_code = 12


class BundleError(RapportError):
    """A model bundle is missing, damaged, or made for another feature catalog."""

    exit_code = 13


class IntegrityError(BundleError):
    """A file of a model or scoring run was changed since it was written, or is not signed."""


class TrainingError(RapportError):
    """The history does not suffice to train the requested model."""

    exit_code = 14


class PromotionError(RapportError):
    """A model does not pass the promotion gates."""

    exit_code = 15


class ServingError(RapportError):
    """A request cannot be answered, or the service cannot start."""

    exit_code = 16


class BusyError(RapportError):
    """Another run holds a lock that this run needs."""

    exit_code = 17


class DataDirError(RapportError):
    """The data folder has a format that this version cannot read, or cannot be migrated."""

    exit_code = 18


class RefusedRunError(RapportError):
    """A scoring run or a training was refused because its data are empty, stale, doubled or rescaled."""

    exit_code = 19


class DeliveryFailedError(RapportError):
    """Messages could not be delivered; they are kept and sent again."""

    exit_code = 22


class RegistrationError(RapportError):
    """MLflow cannot be reached or written, so a model was not registered; a trained model is kept."""

    exit_code = 23
