"""What a viewer asks of the worklist: list, filters, order, grouping, columns and page, as the URL carries them."""

from collections.abc import Mapping
from dataclasses import dataclass

PAGE_SIZE = 50
NOTABLE_CHANGE = 0.05
FILTERS = (
    "owner", "health_grade", "risk_band", "lead_grade", "tier", "segment", "family", "region", "industry",
    "source",
)  # fmt: skip
MOVEMENTS = ("rising", "falling", "steady", "unknown")
RENEWALS = ("30", "60", "90", "180", "ended")
STATES = ("open", "done", "snoozed", "not_right", "all")
# The order of each list, that of /v1/customers: what a contact may save, what is at stake, what was spent.
LIST_ORDERS: Mapping[str, str] = {
    "at_risk": "saved", "probably_lost": "value_at_risk", "win_back": "win_back", "all": "saved",
}  # fmt: skip
GROUPS = ("owner", "health_grade", "lead_grade", "segment", "region", "family", "industry")
DENSITIES = ("comfortable", "compact")
# The natural direction of each order: names and days upwards, chances and money downwards, health worst first.
SORTS: Mapping[str, bool] = {
    "saved": False,
    "probability": False,
    "value_at_risk": False,
    "movement": False,
    "spend": False,
    "health": True,
    "name": True,
    "owner": True,
    "renewal": True,
    "due": True,
    "last_order": True,
    "clv": False,
    "win_back": False,
}
COLUMNS = (
    "health", "probability", "money", "saved", "why", "next", "renewal", "last_order", "spend", "clv", "movement",
    "segment", "region", "owner", "win_back",
)  # fmt: skip
COLUMN_SORTS: Mapping[str, str] = {"money": "value_at_risk", "next": "due"}
_SCORED_COLUMNS = ("health", "probability", "money", "saved", "why", "next")
_LAPSED_COLUMNS = ("last_order", "win_back", "next")


@dataclass(frozen=True)
class WorklistQuery:
    """Filters, order and page of the worklist; unknown values fall back to the default."""

    selected: Mapping[str, str]
    movement: str = ""
    renewal: str = ""
    tag: str = ""
    text: str = ""
    sort: str = "saved"
    ascending: bool = False
    state: str = "open"
    list_name: str = "at_risk"
    group: str = ""
    columns: tuple[str, ...] = _SCORED_COLUMNS
    density: str = "comfortable"
    page: int = 1

    @classmethod
    def of(cls, params: Mapping[str, str]) -> "WorklistQuery":
        """Read the query parameters of a URL; ``mark`` and ``grade`` are older names."""
        page, sort = params.get("page", "1"), params.get("sort", "")
        list_name = _one_of(params.get("list", ""), tuple(LIST_ORDERS), "at_risk")
        name = sort.removeprefix("-") if sort.removeprefix("-") in SORTS else LIST_ORDERS[list_name]
        lead_grade = params.get("lead_grade") or params.get("grade")
        chosen = tuple(column for column in params.get("columns", "").split(",") if column in COLUMNS)
        return cls(
            selected={name: params[name] for name in FILTERS if params.get(name)}
            | ({"lead_grade": lead_grade} if lead_grade else {}),
            movement=_one_of(params.get("movement", ""), MOVEMENTS, ""),
            renewal=_one_of(params.get("renewal", ""), RENEWALS, ""),
            tag=params.get("tag", "").strip()[:80],
            text=params.get("q", "").strip()[:100],
            sort=name,
            ascending=SORTS[name] != sort.startswith("-"),
            state=_one_of(params.get("feedback") or params.get("mark", ""), STATES, "open"),
            list_name=list_name,
            group=_one_of(params.get("group", ""), GROUPS, ""),
            columns=chosen or default_columns(list_name),
            density=_one_of(params.get("density", ""), DENSITIES, "comfortable"),
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def params(self, **changes: str) -> dict[str, str]:
        """Return the query parameters that differ from the default, without the page, with some changed."""
        every = {
            **self.selected,
            "movement": self.movement,
            "renewal": self.renewal,
            "tag": self.tag,
            "q": self.text,
            "sort": self.sort_param(),
            "feedback": _unless(self.state, "open"),
            "list": _unless(self.list_name, "at_risk"),
            "group": self.group,
            "columns": _unless(",".join(self.columns), ",".join(default_columns(self.list_name))),
            "density": _unless(self.density, "comfortable"),
            **changes,
        }
        return {name: value for name, value in every.items() if value}

    def filters(self) -> dict[str, str]:
        """Return only the parameters that narrow the list."""
        shape = ("sort", "group", "columns", "density", "list")
        return {name: value for name, value in self.params().items() if name not in shape}

    def sort_param(self) -> str:
        """Return the order as a parameter, empty for the default."""
        sign = "" if SORTS[self.sort] == self.ascending else "-"
        return _unless(f"{sign}{self.sort}", LIST_ORDERS[self.list_name])

    def toggled(self, sort: str) -> str:
        """Return the order that a click on a column's header asks for: the other direction of the current one."""
        is_natural = self.sort == sort and SORTS[sort] == self.ascending
        return _unless(f"-{sort}" if is_natural else sort, LIST_ORDERS[self.list_name])


def default_columns(list_name: str) -> tuple[str, ...]:
    """Return the columns of a list; a lapsed account has no score, so its list shows what it was worth."""
    return _LAPSED_COLUMNS if list_name == "win_back" else _SCORED_COLUMNS


def _one_of(value: str, allowed: tuple[str, ...], default: str) -> str:
    return value if value in allowed else default


def _unless(value: str, default: str) -> str:
    return "" if value == default else value
