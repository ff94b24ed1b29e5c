"""Spans of requests, sent to an OpenTelemetry collector. They hold routes and times, and nothing about customers.

BentoML brings the SDK but no exporter; the protocol's JSON form needs none of its libraries.
"""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from rapport.serving.outbound_http import NoAnswerError, send

_SECONDS = 5.0
_SERVER = 2
_FAILED = 2
logger = logging.getLogger("rapport.tracing")


class Traces:
    """The spans of one worker; a share of the requests is recorded, and all whose caller records them."""

    def __init__(self, url: str, share: float) -> None:
        resource = Resource.create({"service.name": "rapport", "service.version": version("rapport-crm")})
        self._provider = TracerProvider(sampler=ParentBased(TraceIdRatioBased(share)), resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(CollectorExporter(url)))
        self._tracer, self._propagator = self._provider.get_tracer("rapport"), TraceContextTextMapPropagator()

    def start(self, method: str, route: str, headers: Mapping[str, str]) -> Span:
        """Start the span of a request, below the caller's span if its headers name one."""
        return self._tracer.start_span(
            f"{method} {route}",
            self._propagator.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
        )

    def end(self, span: Span, status: int, request_id: str) -> None:
        """End the span with the status of the response and the id that is in the log, too."""
        span.set_attributes({"http.response.status_code": status, "rapport.request_id": request_id})
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def stop(self) -> None:
        """Send what waits."""
        self._provider.shutdown()


class CollectorExporter(SpanExporter):
    """Sends spans to a collector: OTLP over HTTP, as JSON."""

    def __init__(self, url: str) -> None:
        self._url = url

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send some spans; they are dropped if the collector does not take them."""
        request = urllib.request.Request(self._url, _body(spans), {"content-type": "application/json"})
        try:
            send(request, _SECONDS)
        except NoAnswerError as error:
            logger.warning("traces: %s", error)
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS


def _body(spans: Sequence[ReadableSpan]) -> bytes:
    resource = {"attributes": _attributes(spans[0].resource.attributes)}
    scope = {"scope": {"name": "rapport"}, "spans": [_span(one) for one in spans]}
    return json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}).encode()


def _span(span: ReadableSpan) -> dict[str, object]:
    context = span.get_span_context()
    assert context is not None, "a span that was started has its ids"
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": _SERVER,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": _attributes(span.attributes or {}),
        "status": {"code": _FAILED} if span.status.status_code is StatusCode.ERROR else {},
    }


def _attributes(values: Mapping[str, object]) -> list[dict[str, object]]:
    return [
        {"key": name, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": str(value)}}
        for name, value in values.items()
    ]
