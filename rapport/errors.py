"""The mistakes a user can make, each a sentence that says what, where and what to do."""


class RapportError(ValueError):
    """A mistake in what was given; its text is shown to the user as it is."""

    exit_code = 1


class TableError(RapportError):
    """A table or a column of the history cannot be read as the contract asks."""

    exit_code = 10


class SettingsError(RapportError):
    """A setting in rapport.toml or the environment is not understood."""

    exit_code = 11


class CardError(RapportError):
    """A scorecard is not well formed."""

    exit_code = 12


class BundleError(RapportError):
    """A bundle is missing, damaged, or does not fit this catalog."""

    exit_code = 13


class TrainingError(RapportError):
    """The history cannot carry the model that was asked for."""

    exit_code = 14


class PromotionError(RapportError):
    """A model is not good enough to be promoted."""

    exit_code = 15


class ServingError(RapportError):
    """A request cannot be answered, or the service cannot start."""

    exit_code = 16


class BusyError(RapportError):
    """Another run holds what this one needs, and does not let go."""

    exit_code = 17
