"""What every declared feature keeps to: its name, its words, its window, and what it is when nothing happened."""

import re
from datetime import datetime

import pytest
from drawn_histories import CUTOFF, Tables, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from rapport.features import FAMILIES, Catalog, Feature, Vocabulary, catalog, snapshot
from rapport.features.feature import UNITS
from rapport.history import history_of
from rapport.history.contract import TABLES

from rapport.durations import Span

CATALOG = catalog(Vocabulary(channels=("fax",), attributes=("industry", "employees", "parent_id")))
words = st.lists(
    st.text(min_size=1, max_size=8) | st.sampled_from(["view page", "view-page", "下载", "下 载"]), max_size=5
)


def test_the_catalog_is_complete() -> None:
    assert len(CATALOG.features) >= 130
    assert {feature.family for feature in CATALOG.features} == set(FAMILIES)


@given(actions=words, channels=words, attributes=words)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_names_are_lower_case_words_and_no_two_are_the_same_whatever_the_company_calls_things(
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
    assert {feature.direction, feature.buying} <= {-1, 0, 1}
    # Our own activity may never be what lowers a risk or raises a chance.
    assert not feature.outbound or (feature.direction >= 0 and feature.buying <= 0)


def windows_in(name: str) -> set[int]:
    return {int(days) for days in re.findall(r"_(\d+)d(?=_|$)", name)}


def windows_of(feature: Feature) -> set[int]:
    """Return the distances at which the feature's windows begin, and how wide they are."""
    leaves = list(feature.measure.leaves()) if feature.measure else []
    distances = {leaf.days for leaf in leaves if leaf.days} | {leaf.days - leaf.skip for leaf in leaves if leaf.days}
    return distances | {days for read in (*feature.streams, feature.relatives or "") for days in windows_in(read)}


@pytest.mark.parametrize("feature", CATALOG.features, ids=lambda feature: feature.name)
def test_the_window_in_a_name_is_the_window_of_the_measure(feature: Feature) -> None:
    assert windows_in(feature.name) <= windows_of(feature)
    assert not feature.name.endswith("_ever") or windows_of(feature) == set()


@given(others=st.fixed_dictionaries({table.name: st.tuples(rows(table.name, 1)) for table in TABLES}))
@settings(max_examples=3, deadline=None, derandomize=True, database=None)
def test_of_a_customer_to_whom_nothing_happened_every_feature_says_what_it_declares(others: Tables) -> None:
    silent = {"customer_id": "silent", "created_at": datetime(2020, 1, 1)}
    with history_of(others | {"customers": [silent]}) as history:
        table = snapshot(history, CUTOFF, CATALOG, active=Span(12))
    found = next(row for row in table.to_pylist() if row["customer_id"] == "silent")
    told = [feature for feature in CATALOG.features if "customers" not in feature.streams and not feature.is_attribute]
    assert {feature.name: found[feature.name] for feature in told} == {
        feature.name: feature.if_no_events for feature in told
    }


def test_a_change_of_what_is_declared_changes_the_fingerprint() -> None:
    fewer = Catalog(CATALOG.features[1:], CATALOG.vocabulary)
    other_order = Catalog(CATALOG.features[::-1], CATALOG.vocabulary)
    again = Catalog(CATALOG.features, CATALOG.vocabulary)
    assert len({CATALOG.fingerprint, fewer.fingerprint, other_order.fingerprint, again.fingerprint}) == 3
