"""Signals in the texts of interactions: precision first, on sentences that the classifier was not fitted to."""

import hashlib
import json
from importlib.resources import files
from pathlib import Path

import pytest

from rapport.history.content import KINDS, content_signals

FOLDER = Path(__file__).parent / "content"
TRAINING = Path(__file__).parents[2] / "benchmarks" / "content"


def counts(paths):
    """Count right, wrong and missed signals of the labelled sentences."""
    right = wrong = missed = 0
    for line in (line for path in paths for line in path.read_text(encoding="utf-8").splitlines()):
        labels, text = line.split("\t")
        wanted = set() if labels == "-" else set(labels.split(","))
        assert wanted <= set(KINDS), line
        found = {signal.kind for signal in content_signals(text)}
        right, wrong, missed = right + len(found & wanted), wrong + len(found - wanted), missed + len(wanted - found)
    return right, wrong, missed


@pytest.mark.parametrize(
    ("paths", "precision", "recall"),
    [
        (["by_another_hand", "other_industries"], 0.9, 0.6),
        (["by_another_hand"], 0.88, 0.6),
        (["other_industries"], 0.9, 0.6),
    ],
)
def test_signals_are_precise_and_most_are_found(paths, precision, recall):
    right, wrong, missed = counts([FOLDER / f"{name}.tsv" for name in paths])
    assert right / (right + wrong) >= precision
    assert right / (right + missed) >= recall


def test_the_weights_are_those_of_the_sentences_and_no_sentence_judges_that_was_learned():
    stored = json.loads(files("rapport.history.content").joinpath("signal_weights.json").read_text(encoding="utf-8"))
    learned = [(TRAINING / f"{name}.tsv").read_bytes() for name in ("en", "zh", "earlier")]
    assert stored["sentences"] == hashlib.sha256(b"".join(learned)).hexdigest()
    judging = {line for path in FOLDER.glob("*.tsv") for line in path.read_text(encoding="utf-8").splitlines()}
    texts = {line.split("\t")[1] for line in b"\n".join(learned).decode().splitlines() if line}
    assert len(judging) >= 300
    assert not {line.split("\t")[1] for line in judging} & texts


@pytest.mark.parametrize(
    ("text", "kind", "quote"),
    [
        ("谢谢来电。明年不再采购。", "stop", "明年不再采购"),
        ("Thanks. We are evaluating alternatives, by the way.", "competitor", "We are evaluating alternatives"),
        (
            "Dear all, as discussed with Peter, our board has decided, after a long review, that we will not renew the "
            "contract. Best regards, Anna",
            "stop",
            "that we will not renew the contract",
        ),
        ("投诉：货物破损", "pain", "投诉：货物破损"),
    ],
)
def test_a_signal_quotes_the_clause_it_was_found_in(text, kind, quote):
    assert [(signal.kind, signal.quote) for signal in content_signals(text)] == [(kind, quote)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "会议改到周三。",
        "The call is at ten.",
        "We will not cancel.",
        "我们不会解约。",
        "没有投诉。",
        "Thanks, Anna",
    ],
)
def test_a_text_without_a_signal_has_none(text):
    assert content_signals(text) == ()
