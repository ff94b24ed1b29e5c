"""The OpenAPI page, made from the table of endpoints."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode
from rapport.serving import answers
from rapport.serving.endpoints import ENDPOINTS, Endpoint

_REFUSALS = {
    400: "The body is not what this address takes.",
    401: "No valid key.",
    403: "The key does not hold the scope.",
    404: "No such customer.",
    405: "Only POST.",
    408: "The body came too slowly.",
    409: "The Idempotency-Key was used for another body.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "Understood, but it cannot be answered; the sentence says why.",
    429: "Too much at once; Retry-After says when.",
    500: "Our fault; the log has the request id.",
    503: "Not ready yet.",
    504: "Took too long.",
}
_REFERENCE = "#/components/schemas/{model}"


def document(version: str) -> dict[str, Any]:
    """Return the whole OpenAPI 3.1 document."""
    inputs: list[tuple[Any, JsonSchemaMode, Any]] = []
    for endpoint in ENDPOINTS:
        inputs.append((endpoint.path, "validation", TypeAdapter(endpoint.takes).core_schema))
        inputs.append((f"{endpoint.path} answer", "serialization", TypeAdapter(endpoint.gives).core_schema))
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
        "security": [{"key": []}],
        "paths": {
            **{endpoint.path: {"post": _operation(endpoint, where)} for endpoint in ENDPOINTS},
            "/livez": {"get": _page("alive", "The process answers", {200: "It does."})},
            "/readyz": {"get": _page("ready", "What is loaded", {200: "Ready.", 503: "Not ready yet."})},
        },
        "components": {
            "schemas": schemas,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(endpoint: Endpoint, where: Any) -> dict[str, Any]:
    refused = {"application/json": {"schema": where["refused", "serialization"]}}
    answer = where[f"{endpoint.path} answer", "serialization"]
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.says,
        "description": f"Needs a key with the scope `{endpoint.scope}`.",
        "requestBody": {
            "required": True,
            "content": _json(where[endpoint.path, "validation"], endpoint.example),
        },
        "responses": {
            "200": {"description": "The answer.", "content": _json(answer, endpoint.answer)},
            **{str(status): {"description": says, "content": refused} for status, says in _REFUSALS.items()},
        },
    }
    if endpoint.path == "/v1/feedback":
        operation["parameters"] = [
            {
                "name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "maxLength": 200},
                "description": "Sent again with the same body, the first receipt comes back and nothing is kept twice.",
            }
        ]  # fmt: skip
    return operation


def _json(schema: Any, example: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema, "example": example}}


def _page(name: str, says: str, statuses: dict[int, str]) -> dict[str, Any]:
    body = {"application/json": {"schema": {"type": "object"}}}
    responses = {str(status): {"description": text, "content": body} for status, text in statuses.items()}
    return {"operationId": name, "summary": says, "security": [], "responses": responses}
