"""What a training says of a model, in both languages of the product."""

from collections.abc import Mapping

from rapport.history.contract import Words

NAMES: Mapping[str, Words] = {
    "base_rate": Words("the base rate", "总体平均率"),
    "recency": Words("recency alone", "“最近一次下单”规则"),
    "rfm_cells": Words("cells of recency, frequency and money", "RFM 分格"),
    "rhythm": Words("the rhythm of orders", "下单节奏模型"),
    "hazard": Words("the hazard by weeks", "按周风险模型"),
    "card": Words("the card", "评分卡"),
}

SAYS: Mapping[str, Words] = {
    "precision_above": Words(
        "Average precision {ours:.3f} is surely above {rival} ({theirs:.3f});",
        "平均精确率 {ours:.3f}，稳定高于{rival}（{theirs:.3f}）；",
    ),
    "precision_unsure": Words(
        "Average precision {ours:.3f} is not surely above {rival} ({theirs:.3f});",
        "平均精确率 {ours:.3f}，未能稳定高于{rival}（{theirs:.3f}）；",
    ),
    "lift_above": Words(
        "lift in the top tenth {ours:.2f} is surely above ({theirs:.2f}).",
        "前 10% 的提升度 {ours:.2f}，稳定更高（{theirs:.2f}）。",
    ),
    "lift_unsure": Words(
        "lift in the top tenth {ours:.2f} is not surely above ({theirs:.2f}).",
        "前 10% 的提升度 {ours:.2f}，未能稳定更高（{theirs:.2f}）。",
    ),
    "calibration": Words("Calibration error {error:.3f}.", "校准误差 {error:.3f}。"),
    "other_customers": Words(
        "Judged on other customers of the same time, for the history is too short to judge out of time.",
        "历史太短，无法跨时间评估，因此在同一时期的其他客户上评估。",
    ),
    "nothing_later": Words("There were no later rows to judge it on.", "没有更晚的样本可供评估。"),
    "grade_asked": Words("Grade {letter}; C or better is asked.", "评级 {letter}；要求 C 级及以上。"),
    "no_leak": Words("No feature tells the outcome by itself.", "没有单个特征能独自说出结果。"),
    "leaks": Words("{leaks}", "单个特征过于接近结果：{leaks}"),
    "no_champion": Words("There is no champion to compare with.", "尚无现任模型可供比较。"),
    "not_compared": Words(
        "It was not compared with version {version}, the champion. Train again to compare.",
        "未与现任模型 {version} 版比较，请重新训练后再比较。",
    ),
    "compared_unseen": Words(
        "Average precision {ours:.3f} is {share:.0%} of version {version}'s ({theirs:.3f}) on {rows:,} rows that "
        "neither has learnt from; {asked:.0%} is asked.",
        "在双方都未学习过的 {rows:,} 行样本上，平均精确率 {ours:.3f}，为 {version} 版（{theirs:.3f}）的 {share:.0%}；"
        "要求至少 {asked:.0%}。",
    ),
    "compared_own": Words(
        "Average precision {ours:.3f} is {share:.0%} of version {version}'s at its own training ({theirs:.3f}; it has "
        "learnt from the rows of today); {asked:.0%} is asked.",
        "平均精确率 {ours:.3f}，为 {version} 版自身训练时评估值（{theirs:.3f}，今日样本它已学习过）的 {share:.0%}；"
        "要求至少 {asked:.0%}。",
    ),
    "compared_seen": Words(
        "Average precision {ours:.3f} is {share:.0%} of version {version}'s ({theirs:.3f}) on the same rows, some of "
        "which it has learnt from; {asked:.0%} is asked.",
        "在同一批样本上（部分已被 {version} 版学习过），平均精确率 {ours:.3f}，为其（{theirs:.3f}）的 {share:.0%}；"
        "要求至少 {asked:.0%}。",
    ),
}


def said(name: str, **values: object) -> Words:
    """Fill a sentence in both languages."""
    return Words(SAYS[name].en.format(**values), SAYS[name].zh.format(**values))


def against(name: str, rival: str, ours: float, theirs: float) -> Words:
    """Fill a sentence that names a rival."""
    known = NAMES[rival]
    numbers = {"ours": ours, "theirs": theirs}
    return Words(SAYS[name].en.format(rival=known.en, **numbers), SAYS[name].zh.format(rival=known.zh, **numbers))


def joined(sentences: tuple[Words, ...]) -> Words:
    """Put sentences behind one another, with a space where the language wants one."""
    return Words(" ".join(each.en for each in sentences), "".join(each.zh for each in sentences))
