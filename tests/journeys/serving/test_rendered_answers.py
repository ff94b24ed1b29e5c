"""Law: an answer that was kept as JSON is, after every change, the answer that would be written now, to the byte."""

from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pyarrow as pa
from serving_world import AS_OF, MONTH_BEFORE, NOW, copy_home, make_bundle, publish

from rapport.durations import parse_duration
from rapport.serving.api.app_state import AppState
from rapport.serving.application.rendered_answers import (
    AnswerKey,
    RenderedAnswer,
    RenderedAnswers,
    ShownCustomer,
)
from rapport.serving.environment import Environment
from rapport.serving.json_encoding import encode_json
from rapport.serving.live.intake import SentEvent
from rapport.serving.privacy.forget import forget
from rapport.serving.security.keys import LOCAL, Viewer
from rapport.serving.snapshots.holdout import HoldoutStore
from rapport.serving.snapshots.store import publish as publish_run
from rapport.serving.snapshots.store import stored_runs

SHIPPED = resources.files("rapport.scoring.actions") / "shipped"
HORIZONS = (parse_duration("6mo"),)


class Law:
    """A worker, and what all its answers were before the last change."""

    def __init__(self, home, ids):
        settings, self.playbook = home / "rapport.toml", home / "playbook"
        self.playbook.mkdir()
        settings.write_text(f'playbook = "{self.playbook}"\nholdout_share = 0.2\n')
        self.home, self.state = home, AppState(Environment(data_dir=home, settings=settings, keys=False))
        self.state.reload()
        self.application, self.ids = self.state.application, ids
        model = self.application.live_model("churn")
        owners = sorted({model.snapshot.owner(model.snapshot.ids.row_of(one)) for one in ids[:-1]} - {None})
        self.viewers = [LOCAL, *(Viewer(owner, frozenset({"score"}), owner=owner) for owner in owners[:2])]
        self.before = self.check()

    def check(self):
        """Compare every answer, asked for twice, with the one that is written now; return them."""
        model, scores, found = self.application.live_model("churn"), self.application.scores, {}
        for viewer in self.viewers:
            for language, reasons, horizons in (("en", 5, ()), ("zh", 2, HORIZONS)):
                of = {"viewer": viewer, "horizons": horizons}
                written = scores.written(model, self.ids, reasons, language, **of)
                expected = [None if one is None else encode_json(one) for one in written]
                for _ in range(2):
                    kept = scores.rendered(model, self.ids, reasons, language, **of)
                    assert [one and one.body for one in kept] == expected
                    assert [one and one.probability for one in kept] == [one and one["probability"] for one in written]
                found |= {(viewer.name, language, one): body for one, body in zip(self.ids, expected, strict=True)}
        return found

    def changed(self):
        """Return whose answers the last change changed, after checking all."""
        before, self.before = self.before, self.check()
        return {key[2] for key, body in self.before.items() if before[key] != body}


def test_kept_answers_follow_every_change(company, active, tmp_path, monkeypatch):
    monkeypatch.setattr("rapport.scoring.actions.playbook_reader._CHECK_SECONDS", -1.0)
    # The last one has no row in any run.
    ids = [*active[:12], "brand-new"]
    law = Law(copy_home(company, tmp_path / "home"), ids)
    application = law.application

    assert law.changed() == set()
    row = {"order_id": "new-1", "ordered_at": datetime.now(UTC).isoformat(), "amount": 5000.0}
    application.store_events([SentEvent(one, "orders", row) for one in (ids[0], "brand-new")], LOCAL)
    assert {ids[0], "brand-new"} <= law.changed()
    application.store_events([SentEvent(ids[0], "orders", row | {"order_id": "new-2"})], LOCAL)
    assert ids[0] in law.changed()
    text = (SHIPPED / "rfm_segments.yaml").read_text()
    (law.playbook / "rfm_segments.yaml").write_text(text.replace('en: "', 'en: "Our way: '))
    assert law.changed()
    columns = {"customer_id": [ids[1]], "list": ["at_risk"], "probability": [0.5]}
    everyone = replace(application.settings, holdout_share=1.0)
    assert HoldoutStore(law.home).draw(pa.table(columns), "churn", AS_OF, everyone) == 1
    assert law.changed() == {ids[1]}
    publish(law.home, make_bundle(company.history, "churn", "2", trees=5, seed=5), tmp_path)
    law.state.reload()
    assert set(active[:12]) <= law.changed()
    first = next(run for run in stored_runs(law.home, "churn") if run.manifest.as_of == MONTH_BEFORE.isoformat())
    publish_run(law.home, "churn", first.folder.name, at=NOW.isoformat(), by="test")
    law.state.reload()
    assert len(law.changed()) > 6
    forget(law.home, [ids[2]], NOW)
    law.state.reload()
    assert ids[2] in law.changed()
    assert law.before["local", "en", ids[2]] is None
    # Each owner sees some of them, and none sees all.
    for viewer in law.viewers[1:]:
        assert 0 < sum(law.before[viewer.name, "en", one] is not None for one in ids) < len(ids) - 1


def test_kept_answers_take_no_more_than_their_share_of_memory():
    kept = RenderedAnswers(limit=3_000)
    keys = [AnswerKey(ShownCustomer(str(row), row, None, held_out=False), 5, ()) for row in range(4)]
    for key in keys[:3]:
        kept.put({key: RenderedAnswer(b"x" * 400, None)})
    assert kept.get(keys[0]) is not None
    kept.put({keys[3]: RenderedAnswer(b"x" * 400, None)})
    assert [kept.get(key) is not None for key in keys] == [True, False, True, True]
    kept.put({keys[1]: RenderedAnswer(b"x" * 10_000, None)})
    assert not any(kept.get(key) for key in keys)


def test_an_answer_to_an_earlier_event_makes_room_for_the_next():
    kept, scores = RenderedAnswers(), [object() for _ in range(10)]
    keys = [AnswerKey(ShownCustomer("ann", 0, live, held_out=False), 5, ()) for live in scores]
    for key in keys:
        kept.put({key: RenderedAnswer(b"x", None)})
    assert kept.get(keys[-1]) is not None
    assert not any(kept.get(key) for key in keys[:-1])
