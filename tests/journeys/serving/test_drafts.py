"""``check_draft`` on sets of sentences: falsified ones are caught, true ones are not marked (see docs/agents.md)."""

import json
import random
import sys
from importlib.resources import files as resources
from pathlib import Path

import pytest
from draft_sentences import AUTHORS, FIRST_SETS, SETS, SLOT, UNSEEN, files_of, judged, sentences, templates

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
from draft_weights import examples, fingerprint, fit  # benchmarks are no package

from rapport.serving.api.agents.scorer import unpacked


@pytest.fixture(scope="module", params=["en", "zh"])
def spoken(request, ask, active):
    """A language, and the files of drawn customers in it."""
    drawn = random.Random(3).sample(active, 120)
    return request.param, files_of(ask, drawn, request.param)


@pytest.fixture(scope="module")
def ask(open_client):
    def asked(name, **body):
        response = open_client.post(f"/v1/{name}", json=body)
        assert response.status_code == 200, response.text
        return response.json()

    return asked


def test_falsified_sentences_are_caught_and_true_ones_are_not_marked(spoken):
    language, files = spoken
    # A third of the authors: all of them take minutes (benchmarks/drafts.py).
    names = (*FIRST_SETS, *AUTHORS[::3])
    made = [one for name in names for one in sentences(name, language, files, per_template=2)]
    missed, alarmed = judged(made, files)
    falsified = [one for one in made if one.falsified]
    assert len(falsified) >= 1_000
    assert len(made) - len(falsified) >= 600
    assert len(missed) <= 0.02 * len(falsified), [(one.falsified, one.text) for one in missed]
    assert len(alarmed) <= 0.02 * (len(made) - len(falsified)), [one.text for one in alarmed]


def test_sentences_that_no_weights_have_seen_are_judged_nearly_as_well(spoken):
    language, files = spoken
    made = list(sentences(UNSEEN, language, files, per_template=3))
    missed, alarmed = judged(made, files)
    falsified = sum(bool(one.falsified) for one in made)
    assert falsified >= 500
    assert len(missed) <= 0.03 * falsified
    assert len(alarmed) <= 0.04 * (len(made) - falsified)


def test_no_sentence_stands_in_two_sets():
    for language in ("en", "zh"):
        texts = [
            SLOT.sub("", text) for name in (UNSEEN, *SETS) for spoken, text in templates(name) if spoken == language
        ]
        assert len(texts) == len(set(texts))


def test_the_weights_are_those_of_the_sentences():
    stored = json.loads(resources("rapport.serving.api.agents").joinpath("draft_weights.json").read_text("utf-8"))
    assert stored["templates"] == fingerprint()
    assert set(stored["topics"]) >= {"risk", "days_since_order", "none"}


def test_a_fit_of_a_slice_is_repeatable_and_learns_what_numbers_are_about():
    found = [one for one in examples(["authors/007_marketing"]) if one.language == "en"]
    fitted = [fit(found, steps=15) for _ in range(2)]
    assert fitted[0] == fitted[1]
    learned = unpacked(fitted[0])
    right = 0
    for example in found:
        rows = [learned.rows[one] for one in example.features if one in learned.rows]
        right += learned.topics[learned.values[rows].sum(axis=0).argmax()] == example.topic
    assert right >= 0.9 * len(found)
