"""Write scores into a CRM: Salesforce, HubSpot or 纷享销客, in batches, within the CRM's limits, with retries."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import Field

from rapport.errors import ServingError, SettingsError
from rapport.scoring.cards.config_models import ConfigModel, Count, NotEmpty, Text, one_of, parse_config
from rapport.scoring.cards.strict_yaml import parse_yaml, read_text
from rapport.serving.outbound_http import NoAnswerError, send

SHIPPED = ("salesforce", "hubspot", "fxiaoke")
FIGURES = (
    "probability", "risk_band", "health_score", "health_grade", "tier", "list", "revenue_at_risk", "savable",
    "spend_if_retained", "first_reason_code", "first_reason_family", "next_action_code", "next_action_due",
    "lead_grade", "expected_value", "as_of",
)  # fmt: skip
"""What may be written: columns of the portfolio, and the cutoff."""


@dataclass(frozen=True)
class CrmMapping(ConfigModel):
    """One CRM: protocol, object, the field that holds our customer id, our figures by field, batch and rate limits."""

    protocol: Literal["salesforce", "hubspot", "fxiaoke"]
    object_name: Annotated[Text, Field(alias="object")]
    id_field: Text
    fields: Annotated[Mapping[str, Annotated[str, one_of(FIGURES)]], NotEmpty]
    batch_size: Count
    requests_per_minute: Count

    def record(self, row: Mapping[str, object]) -> dict[str, Any]:
        """Return the fields of one customer; probabilities as percentages, unknown figures as null."""
        return {name: _value(figure, row.get(figure)) for name, figure in self.fields.items()}


def read_mapping(name: str) -> CrmMapping:
    """Read a shipped mapping by name, or a company's own file."""
    if name in SHIPPED:
        text = resources.files("rapport.serving.jobs").joinpath("crm", f"{name}.yaml").read_text(encoding="utf-8")
    else:
        text = read_text(Path(name))
    return parse_config(CrmMapping, parse_yaml(text, name), name)


def _value(figure: str, value: Any) -> Any:
    return round(100 * value, 1) if figure == "probability" and value is not None else value


_TRIES = 5
_LONGEST_WAIT = 60.0
_FXIAOKE_EXPIRED = 20016
Row = Mapping[str, Any]
Sleep = Callable[[float], None]


@dataclass
class WritebackResult:
    """How many customers were written, and which ones the CRM refused, with its reasons."""

    written: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    requests: int = 0


@dataclass(frozen=True)
class Crm:
    """One CRM: its address, and the secrets that the environment holds."""

    url: str
    token: str
    app_id: str = ""
    app_secret: str = ""
    user_id: str = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Crm:
        """Read the address and the secrets; they are never in the settings."""
        if not environ.get("RAPPORT_CRM_URL") or not environ.get("RAPPORT_CRM_TOKEN"):
            raise SettingsError(
                "Set RAPPORT_CRM_URL and RAPPORT_CRM_TOKEN (纷享销客: the permanent code; also RAPPORT_CRM_APP_ID, "
                "RAPPORT_CRM_APP_SECRET and RAPPORT_CRM_USER_ID)."
            )
        names = ("APP_ID", "APP_SECRET", "USER_ID")
        return cls(
            environ["RAPPORT_CRM_URL"].rstrip("/"),
            environ["RAPPORT_CRM_TOKEN"],
            *(environ.get(f"RAPPORT_CRM_{name}", "") for name in names),
        )


class Writeback:
    """Writes portfolio rows into one CRM."""

    def __init__(self, crm: Crm, mapping: CrmMapping, sleep: Sleep = time.sleep) -> None:
        self._crm, self._mapping, self._sleep = crm, mapping, sleep
        self._session: dict[str, str] = {}
        self._last = 0.0

    def write(self, rows: Sequence[Row], held_out: Collection[str] = ()) -> WritebackResult:
        """Write all rows but those of held-out customers, whose scores would lead someone to call."""
        result = WritebackResult()
        chosen = [row for row in rows if row["customer_id"] not in held_out]
        send = {"salesforce": self._salesforce, "hubspot": self._hubspot, "fxiaoke": self._fxiaoke}
        for batch in _batches(chosen, self._mapping.batch_size):
            refused = send[self._mapping.protocol](batch, result)
            result.refused |= refused
            result.written += len(batch) - len(refused)
        return result

    def _salesforce(self, batch: Sequence[Row], result: WritebackResult) -> dict[str, str]:
        name, key = self._mapping.object_name, self._mapping.id_field
        records = [
            {"attributes": {"type": name}, key: row["customer_id"], **self._mapping.record(row)} for row in batch
        ]
        path = f"/services/data/v61.0/composite/sobjects/{name}/{key}"
        answer = self._call("PATCH", path, {"allOrNone": False, "records": records}, result)
        return {
            str(row["customer_id"]): "; ".join(str(one.get("message")) for one in outcome.get("errors", ()))
            for row, outcome in zip(batch, answer, strict=True)
            if not outcome.get("success")
        }

    def _hubspot(self, batch: Sequence[Row], result: WritebackResult) -> dict[str, str]:
        """Update, not upsert: an unknown id would become a company without a name."""
        inputs = [
            {
                "idProperty": self._mapping.id_field,
                "id": row["customer_id"],
                "properties": {
                    name: "" if value is None else str(value) for name, value in self._mapping.record(row).items()
                },
            }
            for row in batch
        ]
        path = f"/crm/v3/objects/{self._mapping.object_name}/batch/update"
        answer = self._call("POST", path, {"inputs": inputs}, result)
        refused: dict[str, str] = {}
        for error in answer.get("errors", ()):
            about = error.get("context", {})
            # An error that names no company may be about any of them.
            named = about.get("ids") or about.get("id") or [row["customer_id"] for row in batch]
            refused |= {str(one): str(error.get("message")) for one in named}
        return refused

    def _fxiaoke(self, batch: Sequence[Row], result: WritebackResult) -> dict[str, str]:
        refused = {}
        for row in batch:
            fields = {"_id": row["customer_id"], "dataObjectApiName": self._mapping.object_name}
            # By default every update starts the workflows and approvals of the object.
            quiet = {"triggerWorkFlow": False, "triggerApprovalFlow": False}
            body = {"data": {"object_data": fields | self._mapping.record(row)}, **quiet}
            answer = self._fxiaoke_call("/cgi/crm/v2/data/update", body, result)
            if answer.get("errorCode") != 0:
                refused[str(row["customer_id"])] = str(answer.get("errorMessage"))
        return refused

    def _fxiaoke_call(self, path: str, body: Mapping[str, Any], result: WritebackResult) -> Any:
        """Call with a token that lasts two hours; one that has expired is renewed once."""
        answer: Any = {}
        for _ in range(2):
            if not self._session:
                self._session = self._fxiaoke_session(result)
            answer = self._call("POST", path, body, result)
            if answer.get("errorCode") != _FXIAOKE_EXPIRED:
                break
            self._session = {}
        return answer

    def _fxiaoke_session(self, result: WritebackResult) -> dict[str, str]:
        crm = self._crm
        body = {"appId": crm.app_id, "appSecret": crm.app_secret, "permanentCode": crm.token, "grantType": "app_secret"}
        answer = self._call("POST", "/oauth2.0/token", body, result)
        if answer.get("errorCode") != 0:
            raise ServingError(f"纷享销客 refused the sign-in: {answer.get('errorMessage')}")
        return {
            "Authorization": f"Bearer {answer['accessToken']}",
            "x-fs-ea": str(answer["ea"]),
            "x-fs-userid": crm.user_id,
        }

    def _call(self, method: str, path: str, body: Mapping[str, object], result: WritebackResult) -> Any:
        """Call the CRM; a busy or failing CRM is tried again, as it asks or with growing waits."""
        wait, reason = 1.0, ""
        for _ in range(_TRIES):
            self._keep_rate()
            result.requests += 1
            request = self._request(method, path, body)
            try:
                return json.loads(send(request, timeout=30) or b"{}")
            except NoAnswerError as error:
                reason = f"{error}: {error.body.decode(errors='replace')}" if error.status else str(error)
                if error.status != 429 and 0 < error.status < 500:
                    break
                wait = float(error.retry_after or wait)
            self._sleep(min(wait, _LONGEST_WAIT))
            wait *= 2
        raise ServingError(f"{urllib.parse.urlsplit(self._crm.url).hostname}: {reason}. Nothing after it was written.")

    def _request(self, method: str, path: str, body: Mapping[str, object]) -> urllib.request.Request:
        headers, url = {"Content-Type": "application/json", **self._session}, f"{self._crm.url}{path}"
        if self._mapping.protocol == "fxiaoke":
            url += f"?thirdTraceId={uuid4()}"
        else:
            headers["Authorization"] = f"Bearer {self._crm.token}"
        data = json.dumps(body, ensure_ascii=False, default=str).encode()
        return urllib.request.Request(url, data=data, headers=headers, method=method)

    def _keep_rate(self) -> None:
        interval = 60.0 / self._mapping.requests_per_minute
        self._sleep(max(0.0, self._last + interval - time.monotonic()))
        self._last = time.monotonic()


def _batches(rows: Sequence[Row], size: int) -> Iterator[Sequence[Row]]:
    for first in range(0, len(rows), size):
        yield rows[first : first + size]
