"""What the application asked for: request options as attributes.

Reads scalars only: an iterator given as `messages` is neither consumed nor copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from firsttoken import attributes as a

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.util.types import AttributeValue

#: The operation of each endpoint that is recorded, by its path below `/v1/messages`.
OPERATIONS = {
    "/v1/messages": "chat",
    "/v1/messages/count_tokens": "count_tokens",
    "/v1/messages/batches": "create_batch",
}

_SCALARS = (
    ("max_tokens", a.REQUEST_MAX_TOKENS, int),
    ("temperature", a.REQUEST_TEMPERATURE, float),
    ("top_p", a.REQUEST_TOP_P, float),
    ("top_k", a.REQUEST_TOP_K, int),
    ("service_tier", a.REQUEST_SERVICE_TIER, str),
)
_NUMBER = (float, int)
_ADDED: tuple[tuple[str, str, Any], ...] = (
    ("temperature", a.REQUEST_TEMPERATURE, _NUMBER),
    ("top_p", a.REQUEST_TOP_P, _NUMBER),
    ("top_k", a.REQUEST_TOP_K, int),
    ("speed", a.SPEED, str),
    ("inference_geo", a.INFERENCE_GEO, str),
)


def operation_of(options: Any) -> str | None:
    """The GenAI operation of a request; None for what is not recorded (models, files, listing batches)."""
    url: str = options.url
    operation = OPERATIONS.get(url) or OPERATIONS.get(url.partition("?")[0])
    return operation if operation is None or options.method.lower() == "post" else None


def body_of(options: Any) -> Mapping[str, Any]:
    """The request's body as the SDK holds it, for reading scalars; empty where it is no mapping."""
    data = options.json_data
    return cast("Mapping[str, Any]", data) if isinstance(data, dict) else {}


def request_attributes(body: Mapping[str, Any], operation: str, *, stream: bool) -> dict[str, AttributeValue]:
    """The semantic conventions' request attributes, for a span that we open ourselves."""
    found: dict[str, AttributeValue] = {a.OPERATION_NAME: operation}
    model = body.get("model")
    if isinstance(model, str):
        found[a.REQUEST_MODEL] = model
    if stream:
        found[a.REQUEST_STREAM] = True
    for field, attribute, kind in _SCALARS:
        value = body.get(field)
        if isinstance(value, (kind, int)) and not isinstance(value, bool):
            found[attribute] = kind(value)
    output = body.get("output_config")
    if isinstance(output, dict):
        effort = cast("dict[str, Any]", output).get("effort")
        if isinstance(effort, str):
            found[a.REQUEST_REASONING_LEVEL] = effort
    thinking = body.get("thinking")
    if isinstance(thinking, dict):
        kind_of_thinking = cast("dict[str, Any]", thinking).get("type")
        if isinstance(kind_of_thinking, str):
            found[a.THINKING_TYPE] = kind_of_thinking
    if _asks_for_json(body):
        found[a.OUTPUT_TYPE] = "json"
    return found


def asked_in(body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """What the SDK's own span does not say of a request with this body."""
    found: dict[str, AttributeValue] = {}
    for field, attribute, kind in _ADDED:
        value = body.get(field)
        # Where the application says nothing, the SDK has its own object for that.
        if value is not None and isinstance(value, kind) and not isinstance(value, bool):
            found[attribute] = float(value) if kind is _NUMBER else value
    tools = body.get("tools")
    if isinstance(tools, (list, tuple)):
        found[a.REQUEST_TOOL_COUNT] = len(cast("list[object]", tools))
    return found


def _asks_for_json(body: Mapping[str, Any]) -> bool:
    output_config = body.get("output_config")
    formats = (
        cast("dict[str, Any]", output_config).get("format") if isinstance(output_config, dict) else None,
        body.get("output_format"),
    )
    return any(
        isinstance(given, dict) and cast("dict[str, Any]", given).get("type") == "json_schema" for given in formats
    )


def provider_of(client: Any) -> str:
    """`gen_ai.provider.name` of a client; the SDK names it from 1.14 on, before that its class tells."""
    named = getattr(client, "_gen_ai_provider_name", None)
    if isinstance(named, str):
        return named
    modules = ".".join(kind.__module__ for kind in type(client).__mro__)
    if "bedrock" in modules:
        return "aws.bedrock"
    return "gcp.vertex_ai" if "vertex" in modules else "anthropic"


def server_attributes(client: Any) -> dict[str, AttributeValue]:
    """`server.address` and `server.port` of a client's base URL."""
    url = client.base_url
    return {a.SERVER_ADDRESS: url.host, a.SERVER_PORT: url.port or (80 if url.scheme == "http" else 443)}
