"""Categories: fixed attributes of customers, and what their first and last touch came through."""

from __future__ import annotations

from collections.abc import Iterable

from rapport.features.catalog.families.leads import slugs
from rapport.features.catalog.feature import Feature
from rapport.history.contract import by_name
from rapport.localized import LocalizedText

SOURCE = "source"
"""The attribute that is fixed by its nature: where a customer came from."""

NUMERIC_ATTRIBUTES = ("employees",)
_LABELS = {column.name: column.title.zh for column in by_name("customers").columns}
"""The Chinese names of the contract's columns; a company's own column has its own."""
_ATTRIBUTE = LocalizedText("The customer's {column}.", "客户{column}。")
_COLUMNS = (("campaign", "campaign", "活动"), ("channel", "channel", "渠道"), ("asset", "asset", "素材"))
TOUCH_COLUMNS = tuple(column for column, _, _ in _COLUMNS)
_ORDER = (("first", "首次"), ("last", "最近一次"))

TOUCH_CATEGORIES = tuple(
    Feature(
        f"{which}_touch_{column}", "marketing", "category",
        LocalizedText(f"The {en} of the {which} marketing engagement that names one.", f"{which_zh}营销互动的{zh}（有记录者）。"),
        None, touch=(which, column),
    )
    for column, en, zh in _COLUMNS
    for which, which_zh in _ORDER
)  # fmt: skip


def attribute_features(attributes: Iterable[str]) -> tuple[Feature, ...]:
    """Return the features of the attributes that never change: the declared ones, and the source."""
    return tuple(
        Feature(
            f"attribute_{name}", "fit", "count" if column in NUMERIC_ATTRIBUTES else "category",
            _ATTRIBUTE.filled(column=LocalizedText(column, _LABELS.get(column, f"属性：{column}"))), None, attribute=column,
        )
        for column, name in slugs(dict.fromkeys((*attributes, SOURCE))).items()
    )  # fmt: skip
