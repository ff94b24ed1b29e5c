"""Values of other systems that are read as the contract's values."""

from collections.abc import Mapping

from rapport.history.contract.tables import TABLES

_OTHER_WORDS = {
    "channel": {
        "会议": "meeting",
        "线上会议": "meeting",
        "拜访": "visit",
        "上门拜访": "visit",
        "电话": "call",
        "通话": "call",
        "邮件": "email",
        "微信": "chat",
        "聊天": "chat",
    },
    "direction": {"呼入": "inbound", "客户发起": "inbound", "呼出": "outbound", "我方发起": "outbound"},
    "action": {
        "浏览": "view",
        "下载": "download",
        "研讨会": "webinar",
        "表单": "form",
        "点击": "click",
        "加购": "cart",
        "登录": "login",
    },
    "role": {
        "决策者": "decision_maker",
        "决策人": "decision_maker",
        "影响者": "influencer",
        "使用者": "user",
        "财务": "finance",
        "其他": "other",
        "原告": "plaintiff",
        "被告": "defendant",
    },
    "kind": {
        "投诉": "complaint",
        "支持": "support",
        "咨询": "support",
        "转介绍": "referral",
        "推荐": "referral",
    },
    "amount_period": {
        word: period
        for period, words in {
            "term": "total one_time upfront einmalig 整个合同期 合同期 总额 一次性 趸缴",
            "year": "annual annually yearly yr jährlich 年 每年 年付 按年 年度 年缴",
            "half_year": "semiannual semi-annual half-yearly halbjährlich 半年 每半年 半年付 半年缴",
            "quarter": "quarterly vierteljährlich 季 季度 每季度 季付 按季 季缴",
            "month": "monthly mo monatlich 月 每月 月付 按月 月度 月缴",
            "week": "weekly wöchentlich 周 每周 周付",
        }.items()
        for word in words.split()
    },
    "category": {"司法": "judicial", "经营": "operational", "财务": "financial", "行业": "industry"},
}


def _value_synonyms() -> Mapping[str, Mapping[str, str]]:
    """Return column → value of another system → contract value; the contract's own values match in any case."""
    known: dict[str, dict[str, str]] = {}
    for column in (column for table in TABLES for column in table.columns if column.examples):
        known.setdefault(column.name, {}).update({example: example for example in column.examples})
    return {name: {**words, **_OTHER_WORDS.get(name, {})} for name, words in known.items()}


VALUE_SYNONYMS = _value_synonyms()
