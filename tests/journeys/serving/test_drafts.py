"""``check_draft`` on sets of sentences: falsified ones are caught, true ones are not marked (see docs/agents.md)."""

import random

import pytest
from draft_sentences import SETS, SLOT, files_of, judged, sentences, templates


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
    made = [one for name in SETS for one in sentences(name, language, files, per_template=2)]
    missed, alarmed = judged(made, files)
    falsified = [one for one in made if one.falsified]
    assert len(falsified) >= 1_000
    assert len(made) - len(falsified) >= 600
    assert len(missed) <= 0.02 * len(falsified), [(one.falsified, one.text) for one in missed]
    assert len(alarmed) <= 0.02 * (len(made) - len(falsified)), [one.text for one in alarmed]


def test_no_sentence_stands_in_two_sets():
    for language in ("en", "zh"):
        texts = [SLOT.sub("", text) for name in SETS for spoken, text in templates(name) if spoken == language]
        assert len(texts) == len(set(texts))
