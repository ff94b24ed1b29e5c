"""Laws of every declared feature: its name, its texts, its window, and its value when nothing happened."""

import re
from datetime import datetime

import pytest
from drawn_histories import CUTOFF, Tables, rows
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.durations import Duration
from rapport.features import FAMILIES, Catalog, Feature, Vocabulary, catalog, snapshot
from rapport.features.catalog.feature import UNITS
from rapport.features.catalog.fingerprint import declaration
from rapport.features.measures import Coalesce, Constant, Events
from rapport.history import history_of
from rapport.history.contract import FEATURE_TABLES

CATALOG = catalog(Vocabulary(channels=("fax",), attributes=("industry", "employees", "parent_id")))
words = st.lists(
    st.text(min_size=1, max_size=8) | st.sampled_from(["view page", "view-page", "下载", "下 载"]), max_size=5
)


def test_the_catalog_is_complete() -> None:
    assert len(CATALOG.features) >= 130
    assert {feature.family for feature in CATALOG.features} == set(FAMILIES)


@given(actions=words, channels=words, attributes=words)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_feature_names_are_lower_case_and_unique_for_any_vocabulary(
    actions: list[str], channels: list[str], attributes: list[str]
) -> None:
    named = catalog(
        Vocabulary(tuple(dict.fromkeys(actions)), tuple(dict.fromkeys(channels)), tuple(dict.fromkeys(attributes)))
    )
    assert [name for name in named.names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)] == []
    assert len(set(named.names)) == len(named.names)


@pytest.mark.parametrize("feature", CATALOG.features, ids=lambda feature: feature.name)
def test_a_feature_is_well_declared(feature: Feature) -> None:
    assert feature.family in FAMILIES
    assert feature.unit in UNITS
    assert re.fullmatch(r"[A-Z].*\.", feature.meaning.en)
    assert re.search(r"[\u4e00-\u9fff].*。$", feature.meaning.zh)
    assert {feature.direction, feature.conversion_direction} <= {-1, 0, 1}
    # The company's own activity never lowers a risk or raises a conversion probability.
    assert not feature.outbound or (feature.direction >= 0 and feature.conversion_direction <= 0)


def windows_in(name: str) -> set[int]:
    return {int(days) for days in re.findall(r"_(\d+)d(?=_|$)", name)}


def windows_of(feature: Feature) -> set[int]:
    """Return the distances at which the feature's windows begin, and how wide they are."""
    aggregates = [each for each in feature.measure.window_aggregates() if each.days] if feature.measure else []
    distances = {each.days for each in aggregates} | {each.days - each.skip for each in aggregates}
    return distances | {days for read in (*feature.streams, feature.relatives or "") for days in windows_in(read)}


@pytest.mark.parametrize("feature", CATALOG.features, ids=lambda feature: feature.name)
def test_the_window_in_a_name_is_the_window_of_the_measure(feature: Feature) -> None:
    assert windows_in(feature.name) <= windows_of(feature)
    assert not feature.name.endswith("_ever") or windows_of(feature) == set()


@given(others=st.fixed_dictionaries({table.name: st.tuples(rows(table.name, 1)) for table in FEATURE_TABLES}))
@settings(max_examples=3, deadline=None, derandomize=True, database=None)
def test_without_events_every_feature_has_its_declared_value(others: Tables) -> None:
    silent = {"customer_id": "silent", "created_at": datetime(2020, 1, 1)}
    with history_of(others | {"customers": [silent]}) as history:
        table = snapshot(history, CUTOFF, CATALOG, active=Duration(12))
    found = next(row for row in table.to_pylist() if row["customer_id"] == "silent")
    measured = [
        feature for feature in CATALOG.features if "customers" not in feature.streams and feature.attribute is None
    ]
    assert {feature.name: found[feature.name] for feature in measured} == {
        feature.name: feature.if_no_events for feature in measured
    }


def test_a_changed_declaration_changes_the_fingerprint() -> None:
    fewer = Catalog(CATALOG.features[1:], CATALOG.vocabulary)
    other_order = Catalog(CATALOG.features[::-1], CATALOG.vocabulary)
    again = Catalog(CATALOG.features, CATALOG.vocabulary)
    assert len({CATALOG.fingerprint, fewer.fingerprint, other_order.fingerprint, again.fingerprint}) == 3


def test_the_text_behind_stored_fingerprints_keeps_its_format() -> None:
    assert declaration(Coalesce(Events("orders").days_since_last(), Constant(1.0))) == (
        "Either(first=Unary(operator='since', inner=Leaf(partial=Partial(stream='orders', how='max', column='day', "
        "where=None), days=None, skip=0)), second=Number(value=1.0))"
    )
