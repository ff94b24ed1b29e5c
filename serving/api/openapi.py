"""The OpenAPI document, generated from the table of endpoints."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode

from rapport.serving.api.bulk_endpoint import BULK, job_paths
from rapport.serving.api.endpoint import IDEMPOTENCY_KEY_LENGTH, Endpoint
from rapport.serving.api.endpoints import ENDPOINTS
from rapport.serving.shapes import answers

_REFUSALS = {
    400: "The body does not match the schema.",
    401: "No valid key.",
    403: "The key does not hold the scope.",
    404: "No such customer.",
    405: "Only POST.",
    408: "The body arrived too slowly.",
    409: "The Idempotency-Key was used for another body.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The request is valid but cannot be answered; the message gives the reason.",
    429: "Too many requests; retry after the seconds in Retry-After.",
    500: "Internal error; the log has the request id.",
    503: "Not ready yet.",
    504: "The request took too long.",
}
_REFERENCE = "#/components/schemas/{model}"


def document(version: str) -> dict[str, Any]:
    """Return the whole OpenAPI 3.1 document."""
    inputs: list[tuple[Any, JsonSchemaMode, Any]] = []
    for endpoint in ENDPOINTS:
        inputs.append((endpoint.path, "validation", TypeAdapter(endpoint.request).core_schema))
        inputs.append((f"{endpoint.path} answer", "serialization", TypeAdapter(endpoint.response).core_schema))
    inputs.append(("refused", "serialization", TypeAdapter(answers.Refused).core_schema))
    generator = GenerateJsonSchema(ref_template=_REFERENCE)
    where, schemas = generator.generate_definitions(inputs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rapport",
            "version": version,
            "description": "How likely each customer is to leave or to buy, with reasons that add up to the number.",
        },
        "security": [{"key": []}, {"header": []}],
        "paths": {
            **{endpoint.path: {"post": _operation(endpoint, where)} for endpoint in ENDPOINTS},
            **job_paths(where["refused", "serialization"], where[f"{BULK.path} answer", "serialization"]),
            "/livez": {"get": _page("alive", "Liveness probe", {200: "The process answers."})},
            "/readyz": {
                "get": _page("ready", "Readiness probe: the loaded models", {200: "Ready.", 503: "Not ready yet."})
            },
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer"},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def _operation(endpoint: Endpoint, where: Any) -> dict[str, Any]:
    refused = {"application/json": {"schema": where["refused", "serialization"]}}
    answer = where[f"{endpoint.path} answer", "serialization"]
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "description": f"Needs a key with the scope `{endpoint.scope}`.",
        "requestBody": {
            "required": True,
            "content": _json(where[endpoint.path, "validation"], endpoint.example),
        },
        "responses": {
            "200": {"description": "The answer.", "content": _json(answer, endpoint.answer)},
            **{str(status): {"description": text, "content": refused} for status, text in _REFUSALS.items()},
        },
    }
    if endpoint.path in ("/v1/feedback", "/v1/events"):
        operation["parameters"] = [
            {
                "name": "Idempotency-Key", "in": "header",
                "schema": {"type": "string", "maxLength": IDEMPOTENCY_KEY_LENGTH},
                "description": "A retry with the same key and body returns the first receipt and stores nothing twice.",
            }
        ]  # fmt: skip
    return operation


def _json(schema: object, example: dict[str, object]) -> dict[str, object]:
    return {"application/json": {"schema": schema, "example": example}}


def _page(name: str, summary: str, statuses: dict[int, str]) -> dict[str, Any]:
    body = {"application/json": {"schema": {"type": "object"}}}
    responses = {str(status): {"description": text, "content": body} for status, text in statuses.items()}
    return {"operationId": name, "summary": summary, "security": [], "responses": responses}
