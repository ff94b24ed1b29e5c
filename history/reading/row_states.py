"""States of order lines that do not count as they stand: cancelled ones are no orders, returns are no purchases."""

import re
from collections.abc import Iterable

from rapport.history.contract import Table
from rapport.history.reading.deletion_marks import deletion_marks
from rapport.history.reading.expressions import text_of
from rapport.history.reading.profiling import StagedTable
from rapport.history.reading.table_names import names_of
from rapport.history.sources.source import Source
from rapport.history.sql import quoted

VOID = re.compile(
    r"cancel|\bvoid|storn|annul|anulad|キャンセル|отмен|\bfail|declined|rejected|\bdraft"
    r"|entwurf|brouillon|borrador|no[- _]?show"
    r"|作废|取消|交易关闭|^已?关闭$|未付款|待付款|等待买家付款|未支付|待支付|无效|失败|草稿|删除"
)
RETURNED = re.compile(
    r"^(sales |customer )?(returns?|returned|refunds?|refunded|credit|credit[ _-]?(note|memo)s?|chargeback)$"
    r"|(?<![无未不])退货|^退款(单|订单)?$|红字|红冲|返品|返金|возврат"
    r"|retoure|gutschrift|rücksendung|^avoirs?$|remboursement|retour|devoluci|reembolso|^reso$|nota di credito"
)
REFUNDED = re.compile(
    r"^(fully[ _-])?(refunded|returned)$|退款成功|退款完成|全额退款|已退款|已退货"
    r"|remboursé|erstattet|reembolsad|rimborsat"
)
"""States of a sale that was paid back: its line is the sale itself, so it is left out and not taken off."""
# A column with more values is no state.
_MOST_STATES = 40
_STATE_NAMES = frozenset(
    (
        *("status", "state", "stage", "stage_name", "phase", "order_status", "sales_status", "status_reason"),
        *("financial_status", "order_state", "deal_stage", "deal_status", "won_status", "sales_stage", "sale_status"),
        *("payment_status", "auftragsstatus", "statut", "statut_commande", "estado", "stato", "situação", "ステータス"),
        *("reservation_status", "booking_status", "status_name", "bestellstatus", "zahlungsstatus", "zustand", "état"),
        *("etat", "état_commande", "statut_de_la_commande", "estado_pedido", "estado_del_pedido", "stato_ordine"),
        *("交易状态", "付款状态", "支付状态", "退款状态", "售后状态", "状态名称", "订单状态名称", "合同状态"),
        *("注文状況", "статус", "状态", "订单状态", "单据状态", "生命状态", "阶段", "销售阶段", "商机阶段", "审核状态"),
    )
)
_KIND_NAMES = frozenset(
    (
        *("type", "order_type", "transaction_type", "document_type", "doc_type", "line_type", "sale_type", "movement"),
        *("movement_type", "event_type", "belegart", "typ", "art", "tipo", "类型", "订单类型", "单据类型", "业务类型"),
        *("交易类型", "区分"),
    )
)


def state_columns(source: Source) -> list[str]:
    """Return the columns whose names say that they hold a state; some systems write the table before it."""
    return [own for own in source.types if names_of(own) & _STATE_NAMES]


def kind_columns(source: Source) -> list[str]:
    """Return the columns whose names say what kind of document a row is, such as a sale or a return."""
    return [own for own in source.types if names_of(own) & _KIND_NAMES]


def unread_states(table: Table, source: Source, used: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the columns that nothing reads and that say whether an order counts, and those that mark deleted rows."""
    if source.in_memory:
        return [], []
    states = (*state_columns(source), *kind_columns(source)) if table.name == "orders" else ()
    # A merged customer is deleted by that.
    marks = deletion_marks(source) if table.name != "merges" else ()
    return [own for own in states if own not in {*used}], [own for own in marks if own not in {*used}]


def uncounted_states(staged: StagedTable, amount: str | None, unused: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return column → value → rows of states that say that a line does not count, though it is read as a purchase.

    ``unused`` are the columns of states and kinds that neither the condition nor a column of the mapping reads. A
    return with a negative amount is read as what it is.
    """
    source, found = staged.source, {}
    for own in unused:
        text = f"lower(trim({text_of(own, source.types[own])}))"
        money = quoted(amount) if amount in source.types and amount is not None else "''"
        is_negative = f"count(*) FILTER ({starts_negative(money)}) > count(*) / 2"
        states = f"SELECT {text} AS state, count(*), {is_negative} FROM ({source.sql}) GROUP BY 1"
        rows = staged.query(f"{states} ORDER BY 2 DESC LIMIT {_MOST_STATES + 1}")
        values = {str(value): int(count) for value, count, negative in rows if _does_not_count(str(value), negative)}
        if values and len(values) < len(rows) <= _MOST_STATES:
            found[own] = values
    return found


def starts_negative(money: str) -> str:
    """Return the SQL that tests whether an amount is written as a negative one."""
    return f"regexp_matches(trim(CAST({money} AS VARCHAR)), '^[^0-9]*[-(−–（]|[-)）]$')"


def _does_not_count(value: str, is_negative: bool) -> bool:
    """Return whether a state says that a row is no purchase, and its amount does not say so."""
    returned = RETURNED.search(value) or REFUNDED.search(value)
    return bool(VOID.search(value)) or (bool(returned) and not is_negative)
