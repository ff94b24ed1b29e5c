"""Files of format 1 give the same answers, digit by digit; tests/fixtures/data_dir_v1/README.md describes them."""

import csv
import io
import json
import re
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rapport.cli.app import app
from rapport.cli.inputs import current_time
from rapport.history import Settings, read_history
from rapport.scoring import Bundle
from rapport.training import list_models, monitor_champion, rollback, show_model

NUMBERS = (
    "customer_id", "as_of", "target", "state", "probability", "percentile", "interval", "model_probability",
    "rule_probability", "rule_score", "tier", "base_rate", "value_at_risk",
)  # fmt: skip
OF_A_MODEL = ("name", "version", "card", "grade")
OF_A_VERSION = ("version", "alias", "grade", "as_of", "horizon", "auc")
DATA = Path("data")


# Rules that state a feature's value and nothing else gave way to the sentence of that feature: a reason's code then
# names it, and its facts have the feature's own name. Every other code stays.
RULES_OF_ONE_FEATURE = {
    "ENG-08": {"ENG-interactions_ratio_90d_to_previous"},
    "FRE-02": {"FRE-orders_count_365d"},
    "FRE-03": {"FRE-orders_count_365d"},
    "OPP-01": {"OPP-opportunities_open_count"},
    "PAY-03": {"PAY-late_share_365d"},
    "RHY-08": {"RHY-order_gap_mean"},
    "SEN-04": {"SEN-sentiment_change_90d"},
    "TEN-03": {"TEN-customer_age_days"},
    "TRE-01": {"TRE-spend_ratio_90d_to_previous"},
    "TRE-02": {"TRE-spend_ratio_90d_to_previous"},
    "VAL-02": {"VAL-spend_sum_365d"},
    # The rule named the 365 days where the 90 days had led the evidence, too; now the sentence is of what led.
    "VAL-03": {"VAL-spend_sum_365d", "VAL-spend_sum_90d"},
}


@pytest.mark.parametrize("target", ["churn", "conversion"])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_score_has_the_same_digits_and_reasons_that_add_up_to_it(ask, expected, target, language):
    known = expected["score"][f"{target}.{language}"]
    ids = [answer["customer_id"] for answer in known]
    found = ask("score", customer_ids=ids, target=target, reasons=5, language=language)["answers"]
    assert [_numbers(answer) for answer in found] == [_numbers(answer) for answer in known]
    assert sum(answer["probability"] is not None for answer in known) > 50
    assert all(reason["text"] for answer in found for reason in answer["reasons"])


@pytest.mark.parametrize("target", ["churn", "conversion"])
def test_every_family_has_the_same_evidence_and_every_reason_the_same_facts(ask, expected, target):
    """One reason states one fact for several families; before, each family had a reason, five in all."""
    known = expected["score"][f"{target}.en"]
    ids = [answer["customer_id"] for answer in known]
    found = ask("score", customer_ids=ids, target=target, reasons=30, language="en")["answers"]
    compared = 0
    for answer, before in zip(found, known, strict=True):
        families = {reason["family"]: reason for reason in before["reasons"]}
        stated = [family for reason in answer["reasons"] for family in reason["families"]]
        assert len(stated) == len(set(stated))
        assert families.keys() <= set(stated)
        for reason in answer["reasons"]:
            if families.keys() >= set(reason["families"]):
                compared += 1
                for part in ("evidence", "points"):
                    assert reason[part] == sum(families[family][part] for family in reason["families"])
            if reason["family"] in families:
                _is_the_same_fact(reason, families[reason["family"]])
    assert compared > 300


def _is_the_same_fact(reason, before):
    if reason["code"] != before["code"]:
        assert reason["code"] in RULES_OF_ONE_FEATURE[before["code"]]
        assert reason["facts"].keys() == {reason["code"].partition("-")[2]}
        return
    # A sentence without a number had no fact; it names the feature that led to it now.
    assert reason["facts"] == before["facts"] or not before["facts"]
    assert reason["peers"] == before["peers"]


def test_a_customer_has_the_same_scores_history_and_change(ask, expected):
    for name, known in expected["customer"].items():
        customer_id, language = name.split(".")
        found = ask("customer", customer_id=customer_id, language=language)
        assert [_numbers(answer) for answer in found["answers"]] == [_numbers(answer) for answer in known["answers"]]
        assert _only(found["scores"], ("as_of", "probability", "tier")) == _only(
            known["scores"], ("as_of", "probability", "tier")
        )
        assert len(found["events"]) == len(known["events"]) > 0
    for target, changes in expected["change"].items():
        for known in changes:
            found = ask("change", **{name: known[name] for name in ("customer_id", "target", "from", "to")})
            assert (found["before"], found["after"]) == (known["before"], known["after"]), target
            assert _only(found["parts"], ("kind", "family", "evidence", "points")) == _only(
                known["parts"], ("kind", "family", "evidence", "points")
            )


def test_keys_are_accepted_with_their_scopes_and_owners(ask, expected):
    one = expected["customers"]["wang"][0]
    ask("score", key="crm_old", status=401, customer_ids=[one])
    ask("score", key="crm", customer_ids=[one])
    ask("score", key="chen", status=403, customer_ids=[one])
    visible = ask("customers", key="wang", target="churn", limit=1000)["customers"]
    assert {customer["customer_id"] for customer in visible} == set(expected["customers"]["wang"])


def test_feedback_is_kept_and_more_can_be_added(ask, expected):
    given = expected["feedback"]["given"]
    customer_id = given[0]["customer_id"]
    assert ask("customer", customer_id=customer_id)["feedback"] == [
        note for note in reversed(given) if note["customer_id"] == customer_id
    ]
    added = ask("feedback", key="crm", customer_id=customer_id, target="churn", verdict="right")
    assert added["id"] == given[-1]["id"] + 1


def test_the_worklist_has_the_same_customers_with_the_same_scores(ask, expected):
    """The lists of savable money, probably lost and win-back share out who was one list before."""
    token = _form_token(ask.client.get("/sign-in").text)
    origin = {"origin": "http://127.0.0.1"}
    form = {"token": token, "back": "", "key": expected["secrets"]["boss"]}
    assert ask.client.post("/sign-in", data=form, headers=origin, follow_redirects=False).status_code == 303
    for target, known in expected["worklist"].items():
        text = ask.client.get("/worklist.csv", params={"target": target, "list": "all"}).text
        _, *rows = csv.reader(io.StringIO(text.lstrip("\ufeff")))
        found = {row[0]: row for row in rows}
        before = {row[0]: dict(zip(known[0], row, strict=True)) for row in known[1:]}
        assert found.keys() == before.keys()
        # Headings may change, what stands below them may not; a tier is written as a person reads it: At risk.
        for customer_id, row in before.items():
            same = {row[name] for name in ("name", "owner", "region", "probability", "percentile")}
            assert same | {row["tier"].replace("_", " ").capitalize()} <= {*found[customer_id]}


@pytest.mark.usefixtures("company")
def test_models_are_listed_shown_and_rolled_back(expected):
    for target, known in expected["models_list"].items():
        found = list_models(DATA, target, environ={}).as_dict()["models"]
        assert _only(found, OF_A_VERSION) == _only(known["models"], OF_A_VERSION)
    shown = show_model(DATA, "churn", "2", environ={})
    assert shown.as_dict()["evaluation"]["measures"] == expected["models_show"]["evaluation"]["measures"]
    assert shown.as_text()
    assert rollback(DATA, "churn", environ={}, now=current_time()).as_dict() == {"version": "1", "before": "2"}


@pytest.mark.usefixtures("company")
def test_recorded_names_are_read_as_their_current_ones(expected):
    bundle, known = Bundle.load(DATA / "models" / "churn" / "2"), expected["models_show"]
    evaluation, former = bundle.evaluation, known["evaluation"]
    assert evaluation["weights"] == former["votes"]
    assert evaluation["size"]["minority_count"] == former["size"]["rarer_outcome"]
    assert evaluation["spend"]["mean_observed"] == former["spend"]["mean_came"]
    assert [tier["predicted"] for tier in evaluation["card"]["tiers"]] == [
        tier["said"] for tier in former["card"]["tiers"]
    ]
    params = bundle.provenance["gbm_params"]["recent"]
    assert params["n_estimators"] == known["record"]["shapes"]["newest"]["rounds"]


@pytest.mark.usefixtures("company")
def test_the_monitor_and_the_due_list_find_the_same(expected):
    settings = Settings.read(Path("rapport.toml"))
    known = expected["monitor"]
    with read_history("history", settings) as history:
        found = monitor_champion(history, DATA, "churn", as_of=datetime.fromisoformat(known["as_of"])).as_dict()
    same = ("version", "customers", "mean_now", "mean_then", "score_psi", "moved_share", "note")
    assert {name: found[name] for name in same} == {name: known[name] for name in same}
    # The matured scores of before were those of 2026-08-01, the day of the training, when no run scored anyone. Of the
    # stored runs, of 2026-09-01 and later, no horizon of 90 days has ended.
    assert {each["as_of"] for each in known["matured"]} == {"2026-08-01"}
    assert not any((DATA / "scores" / "churn" / "history").glob("2026-08-*"))
    assert found["matured"] is None
    assert [each["feature"] for each in found["features"]] == [each["feature"] for each in known["features"]]
    # One formula now serves every table, so the order of its sums, and with it the last digit, may differ.
    drift = [[each["psi"] for each in side["features"]] for side in (found, known)]
    assert drift[0] == pytest.approx(drift[1], rel=1e-12)
    assert known["feedback"] == {}
    assert found["feedback"] == {"done": 2, "not_right": 1, "right": 2, "snoozed": 1}


@pytest.mark.usefixtures("company")
def test_settings_with_former_names_mean_the_same():
    settings = Settings.read(Path("rapport.toml"))
    assert (settings.timezone, settings.active_window, settings.date_format) == ("Asia/Shanghai", "6mo", "day_first")
    assert (settings.data_dir, settings.max_training_rows) == ("data", 20_000)
    with read_history("history", settings) as history:
        assert history.rejected.total == 0
        channels = dict(history.connection.execute("SELECT channel, count(*) FROM interactions GROUP BY 1").fetchall())
    assert channels["visit"] > 0
    assert "拜访" not in channels


@pytest.mark.usefixtures("company")
def test_scoring_the_same_day_again_gives_the_same_scores_and_raises_no_alert_twice(capsys, expected):
    stored = pq.read_table(DATA / "scores" / "churn" / "history" / "2026-10-15.parquet")
    # What is stored was computed with AVX-512; the version of then scored again without it, too.
    before = pa.Table.from_pylist(expected["scored_again"]) if "scored_again" in expected else stored
    with pytest.raises(SystemExit, match="0"):
        app(["score", "history", "--as-of", "2026-10-15", "--alerts", "--json"])
    assert json.loads(capsys.readouterr().out)["raised"] == 0
    after = pq.read_table(DATA / "scores" / "churn" / "history" / "2026-10-15.parquet")
    same = ["customer_id", "tier", "probability", "model_probability"]
    assert after.num_rows == before.num_rows > 200
    assert after.select(same).to_pandas().equals(before.select(same).to_pandas())


def _numbers(answer):
    """Return what of an answer must stay the same: the numbers, and the sums that its reasons and the rest make."""
    model = {name: answer["model"][name] for name in OF_A_MODEL}
    sums = {}
    for part in ("evidence", "points") if answer["probability"] is not None else ():
        total = sum(reason[part] for reason in answer["reasons"]) + answer[f"other_{part}"]
        sums[part] = round(total, 12) + 0.0
    return {name: answer[name] for name in NUMBERS} | {"model": model, "sums": sums}


def _only(rows, names):
    return [{name: row[name] for name in names} for row in rows]


def _form_token(page):
    return re.search(r'name="token" value="([^"]+)"', page)[1]
