"""The names and sentences of the invented company, in Chinese and English."""

CITIES = (
    "上海", "苏州", "宁波", "杭州", "深圳", "东莞", "成都", "武汉", "青岛", "天津", "无锡", "佛山", "厦门", "西安",
    "长沙", "合肥",
)  # fmt: skip
ZH_WORDS = (
    "恒", "泰", "瑞", "丰", "盛", "华", "远", "鑫", "诚", "博", "信", "达", "立", "新", "宏", "嘉", "源", "通",
    "安", "腾", "锦", "隆",
)  # fmt: skip
ZH_COMPANIES = (
    "机械", "电子", "精密制造", "包装", "物流", "新材料", "自动化", "医疗器械", "食品", "化工", "纺织", "能源科技",
)  # fmt: skip
ZH_SUFFIXES = ("有限公司", "股份有限公司", "集团有限公司", "科技有限公司")
ENGLISH_WORDS = (
    "North", "Silver", "Oak", "Blue", "Stone", "Clear", "Red", "Summit", "Green", "Iron", "Harbour", "Bright",
    "West", "Amber", "Maple", "River", "Falcon", "Granite", "Copper", "Spring",
)  # fmt: skip
ENGLISH_SUFFIXES = (
    "Field", "Bridge", "Works", "Gate", "Point", "Hill", "Line", "Forge", "Ford", "Land", "Crest", "Wood",
)  # fmt: skip
ENGLISH_COMPANIES = (
    "Machinery", "Electronics", "Precision", "Packaging", "Logistics", "Materials", "Automation", "Medical",
    "Foods", "Chemicals", "Textiles", "Energy",
)  # fmt: skip
ZH_SURNAMES = (
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙", "马", "朱", "胡", "林", "郭", "何",
    "高", "罗",
)  # fmt: skip
ZH_GIVEN = (
    "伟", "芳", "娜", "敏", "静", "强", "磊", "洋", "艳", "勇", "军", "杰", "丽娟", "志强", "晓燕", "海涛", "文博",
    "雨桐", "子涵", "建国",
)  # fmt: skip
ENGLISH_FIRST = (
    "Anna", "James", "Maria", "Peter", "Laura", "Tom", "Sofia", "David", "Emma", "Paul", "Nina", "Mark", "Julia",
    "Oscar",
)  # fmt: skip
ENGLISH_LAST = (
    "Smith", "Keller", "Novak", "Brown", "Rossi", "Jensen", "Clark", "Meyer", "Lopez", "Evans", "Berg", "Moore",
    "Haas",
)  # fmt: skip
LEVELS = ("executive", "director", "manager", "staff")
OWNERS = tuple(
    name
    for pair in zip(
        (surname + given for surname in ZH_SURNAMES[:10] for given in ZH_GIVEN[:4]),
        (f"{first} {last}" for first in ENGLISH_FIRST[:8] for last in ENGLISH_LAST[:5]),
        strict=True,
    )
    for name in pair
)
REGIONS = ("East", "South", "North", "Southwest", "Central", "Overseas")
INDUSTRIES = (
    "machinery", "electronics", "packaging", "logistics", "materials", "medical", "food", "chemicals", "textiles",
    "energy",
)  # fmt: skip
# The first two bring leads that fit.
SOURCES = ("referral", "partner", "website", "exhibition", "search", "cold_call")
PRODUCTS = tuple(
    f"{line}-{size}"
    for line in ("Pump", "Valve", "Sensor", "Drive", "Filter", "Gasket", "Panel", "Service")
    for size in (100, 200, 300)
)
CAMPAIGNS = ("spring-fair", "energy-saving", "new-drive", "year-end")
ASSETS = (
    "price-list", "case-study", "selection-guide", "white-paper", "product-page", "demo-video",
    "webinar-maintenance", "roi-sheet",
)  # fmt: skip

# Three tones (good, plain, bad), the same number of sentences each.
TEXTS_EN = (
    (
        "Very happy with the last delivery, thank you.",
        "Quality is excellent and the team is helpful.",
        "Everything works well; we plan to order more.",
        "Great support, the problem was solved quickly.",
        "They praised the new drive and want a second line.",
    ),
    (
        "Asked for the delivery date of the open order.",
        "Sent the updated price list as requested.",
        "Talked about the plan for the next quarter.",
        "Will come back to us after the holiday.",
        "Requested two data sheets.",
    ),
    (
        "Angry about the delay, the complaint is still not solved.",
        "Disappointed with the quality, threatens to change the supplier.",
        "The problem came back for the third time; very poor service.",
        "Complains that nobody answers; trust is lost.",
        "Bad mood in the meeting, they compare us with a competitor.",
    ),
)
TEXTS_ZH = (
    (
        "对上次交付非常满意,表示感谢。",
        "质量很好,服务团队很专业。",
        "使用效果不错,计划追加订单。",
        "响应及时,问题很快解决,客户很高兴。",
        "客户称赞新品,希望再上一条产线。",
    ),
    (
        "询问在途订单的交货日期。",
        "按要求发送了最新报价单。",
        "讨论下季度的采购计划。",
        "客户说节后再联系。",
        "索要两份技术资料。",
    ),
    (
        "对延期交货很生气,投诉仍未解决。",
        "对质量失望,考虑更换供应商。",
        "同样的故障第三次出现,服务很差。",
        "抱怨没有人回复,失去信任。",
        "会议气氛很糟,客户在比较竞争对手。",
    ),
)

RISK_KINDS = {
    "judicial": ("contract_dispute", "enforcement", "loan_dispute"),
    "operational": ("executive_change", "address_change", "licence_penalty"),
    "financial": ("equity_pledge", "tax_arrears", "debt_default"),
    "industry": ("regulation", "price_shock", "demand_drop"),
}
