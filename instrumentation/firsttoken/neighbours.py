"""Other public instrumentations of the Anthropic SDK that are at work in this process, and a word about them, once.

Each opens a span of its own for a call that has one already. Nothing of theirs is touched.
"""

from __future__ import annotations

import sys
from typing import Any

from firsttoken.guard import warn_once

#: The module of each instrumentor, and the distribution that it comes from.
INSTRUMENTORS = {
    "opentelemetry.instrumentation.genai.anthropic": "opentelemetry-instrumentation-genai-anthropic",
    "opentelemetry.instrumentation.anthropic": "opentelemetry-instrumentation-anthropic",
    "openinference.instrumentation.anthropic": "openinference-instrumentation-anthropic",
    "openlit.instrumentation.anthropic": "openlit",
}


def mention(client: Any, *, suppressed: bool) -> None:
    """Warns where others record the call that `client` begins; `suppressed`: somebody keeps us from it."""
    others = [name for module, name in INSTRUMENTORS.items() if _at_work(sys.modules.get(module))]
    if _is_logfires(client):
        if suppressed:
            _warn(
                "logfire.instrument_anthropic() keeps every other instrumentation from the calls it records: "
                "firsttoken knows of them what Logfire says, and neither time to first token nor prompt. "
                "instrument_anthropic(suppress_other_instrumentation=False) lets it record them too"
            )
            return
        others.append("logfire")
    if others:
        _warn(
            f"{' and '.join(others)} also opens a span for each call of anthropic. The store of firsttoken counts "
            "such a call once; a backend that adds up tokens over all spans counts it twice. Switch one of them off"
        )


def mention_wrapped(client_class: Any) -> None:
    """Warns where somebody wrapped the clients before us in a way that leads their calls past us."""
    if _is_logfires(client_class):
        _warn(
            "logfire.instrument_anthropic() came before firsttoken, which does not see the calls that it records. "
            "Call it after instrument(), with suppress_other_instrumentation=False"
        )


def _warn(message: str) -> None:
    warn_once("another instrumentation", message)


def _is_logfires(client: Any) -> bool:
    return bool(getattr(client, "_is_instrumented_by_logfire", False))


def _at_work(module: Any) -> bool:
    """Whether a module's instrumentor, which is a singleton, has instrumented."""
    instance = getattr(getattr(module, "AnthropicInstrumentor", None), "_instance", None)
    return bool(getattr(instance, "is_instrumented_by_opentelemetry", False))
