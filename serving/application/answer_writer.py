"""What an answer says besides the score: health, risk band, money, cards and lists, and the company's advice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict, cast

import pyarrow as pa

from rapport.localized import localize
from rapport.scoring import build_answers
from rapport.scoring.actions.recommended import ActionContext, with_advice
from rapport.scoring.health import description as health_description
from rapport.scoring.health.description import HealthDescription
from rapport.scoring.reasons.answer import Answer as ScoredAnswer
from rapport.serving.application.answer_shape import answer_shape
from rapport.serving.application.rendered_answers import RenderedAnswers
from rapport.serving.live.live_score import LiveScore
from rapport.serving.shapes.answers import Answer, Timing
from rapport.serving.shapes.customer_parts import CardScore, Health
from rapport.serving.snapshots.live_model import LiveModel
from rapport.serving.snapshots.next_actions import TABLE
from rapport.serving.snapshots.portfolio_policy import PortfolioPolicy
from rapport.serving.snapshots.portfolio_row import PortfolioRow, is_customer
from rapport.serving.snapshots.row_reader import RowReader

MONEY = (
    "spend_if_retained", "revenue_at_risk", "revenue_at_risk_low", "revenue_at_risk_high", "expected_revenue",
    "contact_effect", "savable", "clv_1y", "clv_3y", "clv_5y",
)  # fmt: skip
FIGURES = (
    "health", "risk_band", "list", "cards", "rfm", "win_back_value", "assumptions", "at_risk_threshold", "lead_grade",
    "behaviour_points", "fit_points", "expected_value", "contact_effect_source", *MONEY,
)  # fmt: skip
LEAD = ("lead_grade", "behaviour_points", "fit_points", "expected_value")
_RFM = ("r", "f", "m", "rfm_cell", "segment", "rfm_grade", "rfm_top")
_COLUMNS = frozenset((*health_description.COLUMNS, "risk_band", "list", "win_back_value", *MONEY, *LEAD, *_RFM))


class _SegmentText(TypedDict):
    segment_label: str | None
    strategy: str | None


_NO_SEGMENT: _SegmentText = {"segment_label": None, "strategy": None}


class AnswerWriter:
    """Writes the answers of one policy and playbook in one language; labels and strategies are looked up once.

    Its advice is for nobody in particular: it names what to do, and not who does it.
    """

    def __init__(self, policy: PortfolioPolicy, table: pa.Table, context: ActionContext) -> None:
        self.policy, self._context, self.language = policy, context, context.language
        language = context.language
        self.rendered = RenderedAnswers()
        # Half of the columns are for lists and exports only, and every one costs time in every answer.
        read = [name for name in table.column_names if name in _COLUMNS or name.startswith("card_")]
        self._rows = RowReader(table.select(read))
        segments = policy.segments
        self._segments: dict[str, _SegmentText] = {
            each.name: {
                "segment_label": localize(each.label, language),
                "strategy": localize(segments.strategy(each), language),
            }
            for each in segments.segments
        }
        # Each card with the columns of its score and its tier, and the labels of its tiers.
        self._cards: list[tuple[CardScore, str, str, dict[str, str]]] = [
            (
                {
                    "name": frozen.name,
                    "label": localize(frozen.card.label, language),
                    "score": None,
                    "scale": list(frozen.card.scale),
                    "tier": None,
                    "tier_label": None,
                    "own_fifths": list(frozen.own_fifths),
                },
                f"card_{frozen.name}_score",
                f"card_{frozen.name}_tier",
                {tier.name: localize(tier.label, language) for tier in frozen.card.tiers},
            )
            for frozen in policy.cards
        ]
        self._assumptions = policy.assumptions.figures()
        self._contact_effect_source = policy.assumptions.contact_effect_source
        health = policy.health_card
        self._health = health and HealthDescription.of(
            policy.rules, health, threshold=policy.threshold, outlook=policy.outlook, language=language
        )

    def figures(self, rows: Sequence[int]) -> list[PortfolioRow]:
        """Return what answers read of the portfolio, for some rows of the snapshot, which has the same order."""
        return cast("list[PortfolioRow]", self._rows.rows(rows))

    def with_figures(self, scored: ScoredAnswer, row: PortfolioRow) -> Answer:
        """Return an answer with the figures of its portfolio row."""
        answer = answer_shape(scored)
        answer["cards"], answer["assumptions"] = self._cards_of(row), dict(self._assumptions)
        if not is_customer(row):
            answer["lead_grade"] = row.get("lead_grade")
            answer["behaviour_points"] = row.get("behaviour_points")
            answer["fit_points"] = row.get("fit_points")
            answer["expected_value"] = row.get("expected_value")
            return answer
        answer["risk_band"] = row["risk_band"]
        answer["list"] = row["list"]
        answer["spend_if_retained"] = row["spend_if_retained"]
        answer["revenue_at_risk"] = row["revenue_at_risk"]
        answer["revenue_at_risk_low"] = row["revenue_at_risk_low"]
        answer["revenue_at_risk_high"] = row["revenue_at_risk_high"]
        answer["expected_revenue"] = row["expected_revenue"]
        answer["contact_effect"] = row["contact_effect"]
        answer["savable"] = row["savable"]
        answer["clv_1y"] = row["clv_1y"]
        answer["clv_3y"] = row["clv_3y"]
        answer["clv_5y"] = row["clv_5y"]
        answer["health"] = cast("Health | None", self._health.of_row(row)) if self._health else None
        answer["at_risk_threshold"] = self.policy.threshold
        # The former name of revenue at risk: the same figure.
        answer["value_at_risk"] = row["revenue_at_risk"]
        answer["rfm"] = {
            "r": row["r"],
            "f": row["f"],
            "m": row["m"],
            "rfm_cell": row["rfm_cell"],
            "segment": row["segment"],
            "rfm_grade": row["rfm_grade"],
            "rfm_top": row["rfm_top"],
            **self._segments.get(row["segment"] or "", _NO_SEGMENT),
        }
        answer["win_back_value"] = row["win_back_value"]
        answer["contact_effect_source"] = self._contact_effect_source
        return answer

    def live_answer(self, model: LiveModel, live: LiveScore, reasons: int) -> Answer:
        """Return a live score with the time of its newest event, and how many events the source does not have yet."""
        [scored] = build_answers(live.batch, reasons, self.language)
        return self.with_figures(scored, live.portfolio_row) | {
            "as_of": live.as_of.isoformat(),
            "live": {
                "run_as_of": model.snapshot.as_of.isoformat(),
                "received_at": live.received_at.isoformat(),
                "not_in_source": len(live.waiting),
            },
        }

    def with_advice(self, answer: Answer, model: LiveModel, row: int) -> Answer:
        """Return an answer with the company's advice: for a fact of the customer in ``row``, else for the reason."""
        if not any(reason["advice"] for reason in answer["reasons"]):
            return answer
        facts = model.snapshot.run.customer_rows(TABLE, row)
        return answer | {"reasons": with_advice(answer["reasons"], facts, self._context)}

    def _cards_of(self, row: PortfolioRow) -> list[CardScore]:
        cells, found = cast("Mapping[str, object]", row), list[CardScore]()
        for card, score, tier, labels in self._cards:
            name = cast("str | None", cells[tier])
            label = labels.get(name, name) if name else None
            found.append(card | {"score": cast("float | None", cells[score]), "tier": name, "tier_label": label})
        return found


def with_timing(answer: Answer, timing: Timing | None) -> Answer:
    """Return an answer that says when the event comes."""
    return answer | {"timing": timing}


def without_advice(answer: Answer) -> Answer:
    """Return the answer of a held-out customer: advice would lead someone to call, and spoil the comparison."""
    return answer | {"reasons": [reason | {"advice": None} for reason in answer["reasons"]], "held_out": True}
