"""The endpoints as BentoML APIs: each with its pydantic shapes, for BentoML's clients, tools and other services.

Over HTTP the middleware answers the same route with the same shapes before BentoML's router is reached; in the same
process (a test, a service that depends on this one) the methods here answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import bentoml

from rapport.serving.api.endpoints import ENDPOINTS, Endpoint
from rapport.serving.api.handlers import Handlers
from rapport.serving.security.request_context import RequestContext


def bento_apis() -> dict[str, object]:
    """Return one BentoML API for each endpoint, by its name."""
    return {endpoint.name: _api(endpoint) for endpoint in ENDPOINTS}


def _api(endpoint: Endpoint) -> Any:
    api = bentoml.api(
        _method(endpoint),
        name=endpoint.name,
        route=endpoint.path,
        input_spec=endpoint.request,
        output_spec=endpoint.response,
    )
    whole = api.output_spec.model_json_schema
    # BentoML writes parts into each other, without end where one holds itself, as an account tree does.
    api.output_spec.model_json_schema = lambda **options: _finite(whole(**options))
    return api


def _finite(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema in which no part holds itself."""
    for name, part in schema.get("$defs", {}).items():
        itself = json.dumps({"$ref": f"#/$defs/{name}"})
        schema["$defs"][name] = json.loads(json.dumps(part).replace(itself, '{"type": "object"}'))
    return schema


def client_schema(service: Any) -> dict[str, Any]:
    """Return the schema of a service as BentoML's clients can use it.

    They walk an answer by its schema, in which BentoML keeps no null: an array that may be null stops them. So each
    output lists its fields, and leaves out what is inside them; /openapi.json has the whole shapes.
    """
    schema: dict[str, Any] = service.schema()
    for route in schema["routes"]:
        output = route["output"]
        output["properties"] = {name: _plain_field(field) for name, field in output.get("properties", {}).items()}
    return schema


def _plain_field(field: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in field.items() if name in ("title", "description", "type", "enum", "default")}


def _method(endpoint: Endpoint) -> Callable[..., Mapping[str, Any]]:
    shape = endpoint.request
    aliases = {name: field.alias or name for name, field in shape.model_fields.items()}

    def method(self: Any, **fields: Any) -> Mapping[str, Any]:
        given = {aliases.get(name, name): value for name, value in fields.items() if value is not None}
        handlers: Handlers = self.app_state.dispatcher.handlers
        return handlers.plain_answer(endpoint, shape.model_validate(given), RequestContext(route=endpoint.path))

    method.__name__ = method.__qualname__ = endpoint.name
    method.__doc__ = f"{endpoint.summary}."
    method.__module__ = __name__
    return method
