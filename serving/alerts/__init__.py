"""Delivers alerts: kept in an outbox first, then told by webhook or file, at least once and always with the same id."""

from rapport.serving.alerts.channels import AlertFile, DeliveryError, Webhook
from rapport.serving.alerts.notify import Notice, notify
from rapport.serving.alerts.outbox import Outbox
from rapport.serving.outward import verify

__all__ = ["AlertFile", "DeliveryError", "Notice", "Outbox", "Webhook", "notify", "verify"]
