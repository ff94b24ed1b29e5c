"""``check_draft`` on sets of sentences: falsified ones are caught, true ones are not marked (see docs/agents.md)."""

import json
import random
import re
import sys
from importlib.resources import files as resources
from pathlib import Path

import pytest
from draft_sentences import AUTHORS, FIRST_SETS, SETS, SLOT, UNSEEN, files_of, judged, sentences, templates

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))
from draft_weights import examples, fingerprint, fit  # benchmarks are no package

from rapport.serving.api.agents.claims import check_text
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
    made = [one for name in UNSEEN for one in sentences(name, language, files, per_template=3)]
    missed, alarmed = judged(made, files)
    falsified = sum(bool(one.falsified) for one in made)
    assert falsified >= 1_000
    assert len(missed) <= 0.025 * falsified
    assert len(alarmed) <= 0.025 * (len(made) - falsified)


def test_no_sentence_stands_in_two_sets():
    for language in ("en", "zh"):
        texts = [
            SLOT.sub("", text) for name in (*UNSEEN, *SETS) for spoken, text in templates(name) if spoken == language
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


FILE = {
    "as_of": "2026-11-01",
    "customer": {"name": "Ironfield Electronics Inc", "industry": "electronics"},
    "events": [{"kind": "order", "at": "2026-09-14", "amount": 5200.0}],
    "answers": [
        {
            "target": "churn", "as_of": "2026-11-01", "probability": 0.31, "rule_score": 2.4, "rule_probability": 0.45,
            "timing": {
                "curve": [{"horizon": "6mo", "date": "2027-05-01", "probability": 0.27}],
                "expected_from": "2026-11-20", "expected_date": "2026-12-18", "expected_to": "2027-02-09",
            },
        }
    ],
    "risks": [
        {"category": "judicial", "records": 7, "defendant_records": 4, "amount": 880_000.0, "latest": "2026-08-03"},
        {"category": "operating", "records": 13, "amount": 4_000.0, "latest": "2026-02-02"},
    ],
    "industry_place": {"customers": 45, "higher_risk": 12, "mean_probability": 0.18, "growth": 0.06},
    "deals": [{"opportunity_id": "D000733", "days_open": 80, "days_in_stage": 23, "usual_days_in_stage": 55}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("The scorecard puts them at 2.4 points.", "3.6"),
        ("评分卡得分2.4分。", "3.6"),
        ("Legal found 7 court records on them within twelve months.", "13"),
        ("近一年司法记录7条。", "13"),
        ("The latest court entry is dated August 3, 2026.", "May 9, 2026"),
        ("最近一条法院记录是2026年8月3日的。", "2026年5月9日"),
        ("The deal has been stuck in its stage for 23 days.", "31"),
        ("D000733在当前阶段停了23天，通常55天就过。", "31"),
        ("Customers in the industry average an 18% churn risk.", "24"),
        ("同行业客户平均流失概率18%。", "24"),
        ("The next order is expected around December 18, 2026.", "March 2, 2027"),
        ("预计下次下单2026年12月18日。", "2027年3月2日"),
    ],
)
def test_figures_of_cards_courts_stages_industries_and_curves_are_checked(true, false):
    figure = re.search(r"\d{4}年\d+月\d+日|[A-Z]\w+ \d+, \d{4}|\d+\.\d|(?<![D\d])\d+(?!\d)", true)
    assert check_text(true, FILE).supported, check_text(true, FILE)
    checked = check_text(true.replace(figure.group(), false, 1), FILE)
    assert not checked.supported, checked


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("The next visit is on January 12, the offer follows before February 3.", True),
        ("我1月12日去拜访，2月3日前把方案发出来。", True),
        ("最近一次下单是9月14日。", True),
        ("最近一次下单是10月2日。", False),
        ("Their last order was on September 14.", True),
        ("Their last order was on October 2.", False),
        ("最近一次下单是2026年12月20日。", False),
    ],
)
def test_dates_to_come_are_plans_and_past_ones_are_checked_without_their_year_too(text, supported):
    assert check_text(text, FILE).supported == supported


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("发货前预付三成，三方抵账协议也准备好了。", []),
        ("参观证共五本，一张备用。", []),
        ("请联系钱多多经理。", ["钱多多"]),
        ("决策人方伟最近很忙。", ["方伟"]),
    ],
)
def test_surnames_that_are_words_open_a_name_only_where_one_stands(text, names):
    assert [claim.text for claim in check_text(text, FILE).claims if claim.kind == "name"] == names
