"""Signals in the texts of interactions: precision first, on sentences that the patterns were not tuned on."""

from pathlib import Path

import pytest

from rapport.history.content import KINDS, content_signals

FOLDER = Path(__file__).parent / "content"


def counts(name: str) -> tuple[int, int, int]:
    """Count right, wrong and missed signals of a file of labelled sentences."""
    right = wrong = missed = 0
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        labels, text = line.split("\t")
        wanted = set() if labels == "-" else set(labels.split(","))
        assert wanted <= set(KINDS), line
        found = {signal.kind for signal in content_signals(text)}
        right, wrong, missed = right + len(found & wanted), wrong + len(found - wanted), missed + len(wanted - found)
    return right, wrong, missed


@pytest.mark.parametrize(
    # Written before the patterns: tuning, held_out. Written after the first patterns and then tuned on: later. Written
    # last and never tuned on: unseen. Freer sentences of a later day, before any pattern was touched: second_tuning,
    # and second_unseen, never tuned on, which is the honest figure for idiomatic language.
    ("name", "precision", "recall"),
    [
        ("tuning.tsv", 0.97, 0.95),
        ("held_out.tsv", 0.97, 0.95),
        ("later.tsv", 0.97, 0.9),
        ("unseen.tsv", 0.9, 0.5),
        ("second_tuning.tsv", 0.97, 0.95),
        ("second_unseen.tsv", 0.8, 0.13),
    ],
)
def test_signals_are_precise_and_most_are_found(name, precision, recall):
    right, wrong, missed = counts(name)
    assert right / (right + wrong) >= precision
    assert right / (right + missed) >= recall


@pytest.mark.parametrize(
    ("text", "kind", "quote"),
    [
        ("谢谢来电。明年不再采购。", "stop", "明年不再采购"),
        (
            "Thanks. We are evaluating alternatives, by the way.",
            "competitor",
            "We are evaluating alternatives",
        ),
    ],
)
def test_a_signal_quotes_the_clause_it_was_found_in(text, kind, quote):
    assert [(signal.kind, signal.quote) for signal in content_signals(text)] == [(kind, quote)]


def test_a_text_without_a_signal_has_none():
    assert content_signals("") == content_signals("会议改到周三。") == content_signals("The call is at ten.") == ()
