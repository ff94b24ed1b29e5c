"""The settings of a company: ``rapport.toml``, read into one frozen value."""

import tomllib
from collections.abc import Mapping
from dataclasses import field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

from rapport.errors import SettingsError
from rapport.history import setting_types as types
from rapport.history.setting_errors import nearest, sentence
from rapport.history.setting_types import Names
from rapport.languages import CODES, LanguageCode

# Former name → current name. Settings files and model records of earlier versions have the former names.
CURRENT_NAMES: Names = MappingProxyType(
    {
        "zone": "timezone",
        "active": "active_window",
        "dates": "date_format",
        "home": "data_dir",
        "training_rows": "max_training_rows",
        "scratch": "temp_dir",
        "words": "value_mapping",
    }
)


def _setting(default: Any, description: str) -> Any:
    return field(default=default, metadata={"description": description})


@dataclass(frozen=True, config=ConfigDict(strict=True))
class Settings:
    """The settings of one company; each has a default and a description.

    ``Settings.of`` and ``Settings.read`` say in a sentence what is wrong; the constructor raises pydantic's
    ValidationError.
    """

    timezone: types.Timezone = _setting("UTC", "Time zone of the company: times without a zone are read in this zone.")
    currency: str = _setting(
        "", "Currency of all amounts, such as EUR; by default the one that the tables name, else amounts have no sign."
    )
    language: LanguageCode = _setting("en", f"Language of reasons and reports: {' or '.join(CODES)}.")
    active_window: types.Duration = _setting("12mo", "A customer is active if its last order is at most this old.")
    horizon: types.Duration = _setting("12mo", "How far ahead a prediction reaches.")
    churn: Literal["orders", "contracts", "subscriptions"] = _setting(
        "orders",
        "Definition of churn: orders (no further order), contracts (with an end, not renewed), or subscriptions (which "
        "run on until they are cancelled; `ends_at` of `contracts` is then the cancellation).",
    )
    grace: types.Duration = _setting(
        "1mo", "A contract may be renewed this long after its end without counting as churn."
    )
    fixed_attributes: types.Texts = _setting(
        (), "Columns of customers that never change, and so may be used as features."
    )
    date_format: Literal["iso", "day_first", "month_first", "year_first"] = _setting(
        "iso",
        "How 03/04/2026 is read: day_first, month_first or year_first; iso to find it from each whole file, and to ask "
        "if no date in it decides.",
    )
    decimal: Literal["", ".", ","] = _setting(
        "", 'Decimal mark of amounts in text: "." or ","; empty to find it from each whole file, and to ask if unclear.'
    )
    encoding: str = _setting(
        "", "Encoding of text files, such as windows-1252 or gb18030; empty to detect it, and to ask if two fit."
    )
    sentiment: Literal["given", "text"] = _setting(
        "given",
        "Sentiment of an interaction without a number: given leaves it empty, text scores its text (English, Chinese).",
    )
    reject_share: types.Share = _setting(0.2, "The run stops if more than this share of a table's rows is rejected.")
    calls_per_week: types.Count = _setting(50, "Number of customers that the team can call in a week.")
    change_points: types.Share = _setting(
        0.02, "A score that moves by more than this is a change: it enters the change feed and the webhooks."
    )
    holdout_share: types.Share = _setting(
        0.0,
        "Share of the customers on the work lists that is left alone at random, to measure what contact does: they "
        "get no task, alert, change, digest, advice or write-back. 0 holds out nobody.",
    )
    holdout_seed: int = _setting(1, "Seed of the draw of held-out customers; a new seed begins a new experiment.")
    early_outcome: str = _setting(
        "90d", "An order within this time after the draw is the early outcome of an experiment, until the horizon ends."
    )
    webhooks: Mapping[str, Names] = field(
        default_factory=dict,
        metadata={
            "description": "Further receivers of changes and alerts: in [webhooks.crm], url = address, secret = name "
            'of the environment variable that holds the secret, send = "changes", "alerts" or "all".'
        },
    )
    digests: Mapping[str, Names] = field(
        default_factory=dict,
        metadata={
            "description": "Receivers of the digest: in [digests.maria], to = e-mail address, or kind = chat and url = "
            "name of the environment variable that holds the robot's address; owner, every, language, hour: digest.md."
        },
    )
    calls_per_owner: types.Count = _setting(
        0, "Number of customers that one account owner can call in a week; 0 for no limit besides `calls_per_week`."
    )
    crm_link: str = _setting(
        "", "Address of a customer's record in the CRM, with {customer_id}; pages link to it. Empty for no link."
    )
    frame_ancestors: types.Texts = _setting(
        (), "Sites that may embed the customer widget, such as https://example.my.salesforce.com; none by default."
    )
    margin: types.Share = _setting(
        0.3, "Share of revenue that is profit: savable money and lifetime values are margins."
    )
    contact_cost: types.Cost = _setting(
        -1.0,
        "Cost of contacting one customer, in the company's currency; -1 takes 0.2 % of the mean spend of a customer "
        "within the horizon.",
    )
    contact_effect: types.Share = _setting(
        0.3,
        "Chance that a contact keeps a customer who would leave, at its best: an assumption until an experiment "
        "measures it. It falls with the churn probability and with silence.",
    )
    contact_half_life: types.Positive = _setting(
        1.0, "Order cadences of further silence that halve the chance that a contact helps."
    )
    default_deal_size: types.Amount = _setting(
        0.0, "Amount of a deal with a lead that has no open opportunity; 0 takes the median yearly spend of a customer."
    )
    discount_rate: types.Amount = _setting(0.1, "Yearly discount rate of customer lifetime values.")
    health_weight: types.ShareOrDefault = _setting(
        -1.0, "Share of the model in the health score, 0 to 1; the rest is the card. -1 takes it from the playbook."
    )
    at_risk_threshold: types.Threshold = _setting(
        0.0,
        "Churn probability from which nobody is graded better than at risk; 0 takes the larger of 0.5 and 1.5 × the "
        "base rate.",
    )
    scorecards: types.Texts = _setting(
        ("relationship", "account100", "rfm", "health"),
        "Scorecards and decks that every scoring run computes for customers: shipped names or files.",
    )
    lead_scorecards: types.Texts = _setting(
        ("behaviour", "fit"), "Scorecards that every scoring run computes for leads: shipped names or files."
    )
    data_dir: types.Folder = _setting("rapport-data", "Folder of the published models and scores.")
    incremental: bool = _setting(
        False,
        "Keep a copy of a database's rows in the data folder, so that the next run reads only the rows whose "
        "`recorded_at` is newer. What was changed or deleted otherwise shows in counts and sums, and a table in which "
        "they differ is read as a whole.",
    )
    playbook: types.Folder = _setting(
        "", "Folder with the company's own actions, alert rules, cadence and segment names; empty for the shipped ones."
    )
    memory_limit: str = _setting(
        "900MB",
        "Memory limit of the database, beyond which it spills to `temp_dir`; empty for 80 % of the machine's memory.",
    )
    max_training_rows: types.TrainingRows = _setting(
        600_000,
        "Maximum number of rows (customers × cutoffs) that the trees are fitted on; above it customers are sampled. "
        "All other parts are fitted on at most 600,000 rows.",
    )
    threads: types.Count = _setting(0, "Threads of the database; 0 for one per core.")
    temp_dir: types.Folder = _setting("", "Folder for temporary files of the database; empty for the system's.")
    cards: Names = field(
        default_factory=lambda: {"churn": "relationship", "conversion": "behaviour"},
        metadata={"description": "Scorecard of each target: a shipped name or a file."},
    )
    mapping: types.Mapped = field(
        default_factory=dict,
        metadata={
            "description": "Own names: in [mapping.orders], table = own table, contract column = own column or an "
            "expression such as quantity * unit_price, and where = the rows that count. See sources.md."
        },
    )
    value_mapping: Mapping[str, Names] = field(
        default_factory=dict,
        metadata={"description": 'Own values of a column: in [value_mapping.channel], "拜访" = "visit".'},
    )
    vocabulary: Mapping[str, types.Texts] = field(
        default_factory=dict,
        metadata={"description": "Further values of a column that get their own features, such as channel = [...]."},
    )

    @classmethod
    def read(cls, path: Path | None) -> "Settings":
        """Read ``rapport.toml``; without a path, the defaults."""
        if path is None:
            return cls()
        try:
            written = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise SettingsError(f"{path}: cannot be read ({error.strerror}). Name a file that exists.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: is not TOML: {error}. Correct that line.") from error
        return cls.of(written, where=str(path))

    @classmethod
    def of(cls, written: Mapping[str, Any], where: str = "settings") -> "Settings":
        """Make settings from plain values; SettingsError for an unknown name or a value of the wrong type."""
        written = _with_current_names(written, where)
        known = {setting.name for setting in fields(cls)}
        for name in written:
            if name not in known:
                raise SettingsError(f"{where}: no such setting: {name}.{nearest(name, known)}")
        try:
            return cls(**written)
        except ValidationError as error:
            raise SettingsError(f"{where}: {sentence(error)}") from error


def _with_current_names(written: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the settings under their current names."""
    for former, current in CURRENT_NAMES.items():
        if former in written and current in written:
            raise SettingsError(
                f"{where}: {former} is the former name of {current}. Keep {current} and delete {former}."
            )
    return {CURRENT_NAMES.get(name, name): value for name, value in written.items()}
