"""What a proposed mapping says beside its settings: comments and questions, in both languages."""

from rapport.localized import LocalizedText, localize

_COMMENTS = {
    "proposed": LocalizedText(
        "Proposed for {}. Review it: it was derived from names and values.",
        "为 {} 生成的映射建议，依据名称与取值推断，请核对。",
    ),
    "preset": LocalizedText("Recognised as {}.", "识别为 {}。"),
    "absent": LocalizedText("Nothing was found for: {}.", "未找到对应的表：{}。"),
    "unused": LocalizedText("Not used: {}.", "未使用：{}。"),
    "recognised": LocalizedText("{}: recognised without a mapping.", "{}：无需映射即可识别。"),
    "missing": LocalizedText("{}  # required, no match found", "{}  # 必填，未找到匹配的列"),
    "attributes": LocalizedText("kept as attributes: {}", "作为属性保留：{}"),
    "unused_columns": LocalizedText("not used: {}", "未使用：{}"),
    "by_values": LocalizedText("matched by values only, {}", "仅按取值匹配，{}"),
}
_QUESTION = LocalizedText("question: {}", "问题：{}")


def comment(language: str, name: str, about: str) -> str:
    """Return a line of comment in the settings file."""
    return f"# {localize(_COMMENTS[name], language).format(about)}"


def question_line(question: LocalizedText, language: str) -> str:
    """Return the comment that asks a question."""
    return f"# {localize(_QUESTION, language).format(localize(question, language))}"


def ask_decimal(where: str) -> LocalizedText:
    """Return the question for the decimal mark of a column."""
    return LocalizedText(
        f'{where} has values such as 4.400: set decimal = "." or ",".',
        f'{where} 中有 4.400 这样的值，请设置 decimal = "." 或 ","。',
    )


def ask_order(where: str) -> LocalizedText:
    """Return the question for the order of day and month in a column."""
    return LocalizedText(
        f'{where} has dates such as 03/04/2026: set date_format = "day_first" or "month_first".',
        f'{where} 中有 03/04/2026 这样的日期，请设置 date_format = "day_first"（日在前）或 "month_first"（月在前）。',
    )
