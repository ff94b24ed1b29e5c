"""Short-lived tokens with which a CRM embeds the widget of one customer."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeTimedSerializer

from rapport.serving.security.keys import Viewer

WIDGET_SECONDS = 900


def widget_token(secret: bytes, viewer: Viewer, customer_id: str) -> str:
    """Return a token for one customer's widget, as the key that asks sees it; it ends with the key's secret."""
    return str(_serializer(secret).dumps([viewer.name, viewer.mark, customer_id]))


def read_widget_token(secret: bytes, token: str) -> tuple[str, str, str] | None:
    """Return the key's name and mark and the customer; None for an expired or foreign token."""
    try:
        key_name, mark, customer_id = _serializer(secret).loads(token, max_age=WIDGET_SECONDS)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(key_name), str(mark), str(customer_id)


def _serializer(secret: bytes) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt="rapport.widget")
