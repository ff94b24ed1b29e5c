"""Chart geometry and number formats: waterfalls that add up, the stakeholder map, short amounts."""

import pytest

from rapport.serving.console import formats
from rapport.serving.console.charts import axis_of, change_steps, flatten_hierarchy, stakeholder_layout, waterfall


def _answer(base: float, probability: float, *points: float) -> dict[str, object]:
    return {"base_rate": base, "probability": probability, "reasons": [{"points": share} for share in points]}


def test_the_shown_points_add_up_to_the_shown_number():
    steps = waterfall(_answer(0.2104, 0.4567, 0.14449, 0.08051, -0.0301))
    assert [(step.kind, round(step.points, 3)) for step in steps] == [
        ("base", 0.21),
        ("reason", 0.144),
        ("reason", 0.081),
        ("reason", -0.03),
        ("rest", 0.052),
        ("final", 0.457),
    ]
    assert sum(step.points for step in steps[:-1]) == pytest.approx(steps[-1].points)


def test_a_waterfall_without_a_remainder_has_no_other_factors():
    assert [step.kind for step in waterfall(_answer(0.2, 0.3, 0.1))] == ["base", "reason", "final"]


def test_a_bar_starts_where_the_last_one_ended():
    steps = waterfall(_answer(0.2, 0.3, 0.15, -0.05))
    axis = axis_of(steps, 100)
    assert [(axis.at(step.start), axis.at(step.end)) for step in steps] == [
        (0.0, 50.0),
        (50.0, 87.5),
        (87.5, 75.0),
        (0.0, 75.0),
    ]


def test_a_change_goes_from_the_earlier_to_the_later_number():
    change = {"before": 0.31, "after": 0.46, "parts": [{"points": 0.12}, {"points": 0.0}, {"points": 0.03}]}
    assert [round(step.points, 3) for step in change_steps(change)] == [0.31, 0.12, 0.03, 0.46]


def test_missing_roles_are_placed_among_the_people_in_order_of_role():
    people = [
        {"name": "Li", "role": "user", "strength": 0.9, "last": None, "level": ""},
        {"name": "Eva", "role": "decision_maker", "strength": 0.1, "last": None, "level": ""},
    ]
    nodes = stakeholder_layout({"people": people, "gaps": ["finance"]}, 400, 200)
    assert [(who.role, who.is_gap) for who in nodes] == [("decision_maker", False), ("finance", True), ("user", False)]
    assert nodes[0].x < nodes[1].x < nodes[2].x


def test_an_account_hierarchy_is_listed_from_the_root_with_depths():
    tree = {
        "customer_id": "a",
        "children": [{"customer_id": "b", "children": [{"customer_id": "c"}]}, {"customer_id": "d"}],
    }
    assert [(depth, node["customer_id"]) for depth, node in flatten_hierarchy(tree)] == [
        (0, "a"),
        (1, "b"),
        (2, "c"),
        (1, "d"),
    ]


@pytest.mark.parametrize(
    ("amount", "english", "chinese"),
    [
        (182000.0, "¥182k", "¥18.2万"),
        (950.0, "¥950", "¥950"),
        (999_999.0, "¥1.0m", "¥100万"),
        (1_230_000_000.0, "¥1.2bn", "¥12.3亿"),
        (-5400.0, "−¥5.4k", "−¥5,400"),
        (None, "–", "–"),
    ],
)
def test_money_is_short_in_each_language(amount, english, chinese):
    assert (formats.money(amount, "CNY", "en"), formats.money(amount, "CNY", "zh")) == (english, chinese)


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (formats.percent(0.462), "46%"),
        (formats.percent(0.003), "<1%"),
        (formats.percent(0.0), "0%"),
        (formats.percent(0.9991), ">99%"),
        (formats.percent(1.0), "100%"),
        (formats.percent(0.4567, 1), "45.7%"),
        (formats.percent(float("nan")), "–"),
        (formats.points(0.144), "+14.4"),
        (formats.points(-0.03), "−3.0"),
        (formats.points(-0.0001), "0.0"),
        (formats.number(4.5), "4.5"),
        (formats.number(97.0), "97"),
        (formats.number(1234567.8), "1,234,568"),
        (formats.day("2026-11-01T03:00:00", "en"), "1 Nov 2026"),
        (formats.day("2026-11-01", "zh", year=False), "11月1日"),
        (formats.horizon("12mo", "en"), "12-month"),
        (formats.horizon("1y", "zh"), "12 个月"),
        (formats.horizon("90d", "en"), "90-day"),
        (formats.horizon("90d", "zh"), "90 天"),
    ],
)
def test_numbers_dates_and_horizons_are_formatted(shown, text):
    assert shown == text
