"""The application sees the same with us as without us: values, types, errors, warnings, logs, and what it sends."""

from __future__ import annotations

import inspect
import json
import logging
import math
import re
import warnings
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any

import anthropic
import pytest
from anthropic import _base_client

from firsttoken import AnthropicInstrumentor
from firsttoken_dashboard.demo.api import LookAlike
from firsttoken_dashboard.demo.api.records import Record
from tests.instrumentation.recording import Recording
from tests.instrumentation.request import request
from tests.instrumentation.ways import ALL, Way, named, parametrize

ENDINGS: dict[str, dict[str, Any]] = {
    "answered": request(output_tokens=24, tokens_per_second=9000, ttft_s=0.002),
    "refused": request(status=400, message="No"),
    "overloaded and retried": request(
        output_tokens=24, tokens_per_second=9000, ttft_s=0.002, status=529, attempts=1, retry_after_s=0.01
    ),
    "error event": request(output_tokens=24, tokens_per_second=9000, ttft_s=0.002, error_after=9),
    "cut": request(output_tokens=24, tokens_per_second=9000, ttft_s=0.002, cut_after=9),
}
#: Endings that take longer, or differ little between ways: for one way of each kind.
FURTHER: dict[str, dict[str, Any]] = {
    "retries exhausted": request(status=529, retry_after_s=0.01),
    "no answer in time": request(headers_s=math.inf, ttft_s=math.inf),
    "silence in mid-stream": request(output_tokens=24, tokens_per_second=9000, ttft_s=0.002, stall_after=9, stall_s=9),
    "thinking, text and a tool": request(
        thinking_tokens=20, output_tokens=40, answer="text+tool", tokens_per_second=9000, ttft_s=0.002
    ),
    "left early": request(output_tokens=24, tokens_per_second=9000, ttft_s=0.002),
}
KINDS = (
    named("create"),
    named("stream_text"),
    named("streaming_response_lines"),
    named("create_stream_for", "async"),
    named("stream_text", "async"),
)
#: What differs between any two requests, whoever makes them.
VOLATILE = ("traceparent", "host")
_IDS = re.compile(
    r"(req|msg|toolu)_[0-9a-f]+|0x[0-9a-f]+|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|[0-9.]+ seconds|\d{4}-\d\d-\d\dT[0-9:]+Z"
)


class Experience:
    """All that an application could notice of one call."""

    def __init__(
        self, way: Way, api: LookAlike, asked: dict[str, Any], *, timeout_s: float = 20, at_most: int | None = None
    ) -> None:
        api.clear()  # the same request again has other luck; after a clear it has the same
        self.logs: list[str] = []
        with warnings.catch_warnings(record=True) as caught, _listening(self.logs):
            warnings.simplefilter("always")
            client = way.client(api.url, max_retries=1, timeout=timeout_s)
            self.items = [_plain(item) for item in way.run(client, asked, at_most)]
        self.warnings: list[Any] = [(str(warning.message), warning.category) for warning in caught]
        self.sent = [_sent(record) for record in api.settle()]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Experience) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def difference(self, other: Experience) -> str:
        """The first thing that is not the same."""
        mine: list[Any]
        for name, mine in vars(self).items():
            theirs: list[Any] = getattr(other, name)
            for at, (one, other_one) in enumerate(zip_longest(mine, theirs)):
                if one != other_one:
                    return f"{name}[{at}]: {one!r}\n  with us: {other_one!r}"
        return "none"


@parametrize(ALL)
@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_that_the_application_sees_changes(
    way: Way, ending: str, claude_api: LookAlike, uninstrumented: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare(lambda: Experience(way, claude_api, ENDINGS[ending]), monkeypatch)
    assert uninstrumented.calls


@parametrize(KINDS)
@pytest.mark.parametrize("ending", FURTHER)
def test_nor_at_any_further_ending(
    way: Way, ending: str, claude_api: LookAlike, uninstrumented: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeout_s = 0.15 if ending in {"no answer in time", "silence in mid-stream"} else 20
    at_most = 3 if ending == "left early" else None
    compare(lambda: Experience(way, claude_api, FURTHER[ending], timeout_s=timeout_s, at_most=at_most), monkeypatch)
    assert uninstrumented.calls


@parametrize(KINDS)
def test_messages_that_can_be_read_only_once_are_sent_whole(
    way: Way, claude_api: LookAlike, uninstrumented: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def experience() -> Experience:
        messages = ({"role": role, "content": "Tell me more."} for role in ("user", "assistant", "user"))
        return Experience(way, claude_api, {**ENDINGS["answered"], "messages": messages})

    compare(experience, monkeypatch)
    assert all(len(json.loads(record.body)["messages"]) == 3 for record in claude_api.records)
    assert uninstrumented.calls


def compare(experience: Callable[[], Experience], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with us as without us."""
    for name in ("INITIAL_RETRY_DELAY", "MAX_RETRY_DELAY"):
        monkeypatch.setattr(_base_client, name, 0.01)  # the SDK's backoff, else half a second
    for last in (False, True):  # what is only done once in a process has been done the second time
        without = experience()
        AnthropicInstrumentor().instrument()
        try:
            within = experience()
        finally:
            AnthropicInstrumentor().uninstrument()
        if without == within:
            break
        assert not last, without.difference(within)


def test_the_clients_surface_keeps_its_signatures_and_names(recorded: Recording) -> None:
    AnthropicInstrumentor().uninstrument()
    plain = inspect.signature(_base_client.SyncAPIClient.request), inspect.signature(anthropic.Anthropic.__init__)
    AnthropicInstrumentor().instrument()
    request_of = _base_client.SyncAPIClient.request
    assert (inspect.signature(request_of), inspect.signature(anthropic.Anthropic.__init__)) == plain
    assert request_of.__name__ == "request"
    assert request_of.__doc__ == request_of.__wrapped__.__doc__  # pyright: ignore[reportFunctionMemberAccess]
    assert inspect.iscoroutinefunction(_base_client.AsyncAPIClient.request)
    assert not recorded.spans


def test_an_applications_own_trace_extension_is_still_told(claude_api: LookAlike, recorded: Recording) -> None:
    told: list[str] = []

    def tell(name: str, _: object) -> None:
        told.append(name)

    def hook(sent: Any) -> None:
        sent.extensions["trace"] = tell

    http = anthropic.DefaultHttpxClient(event_hooks={"request": [hook]})
    with anthropic.Anthropic(base_url=claude_api.url, api_key="test", http_client=http) as client:
        client.messages.create(**request())
    assert any(name.startswith("http11.") for name in told)
    assert recorded.call().usage[1] is not None


def _plain(item: Any) -> Any:
    return _IDS.sub("*", repr(item))


def _sent(record: Record) -> Any:
    headers = {name: _IDS.sub("*", value) for name, value in record.headers.items() if name not in VOLATILE}
    return record.method, record.path, record.query, list(headers), headers, record.body


class _listening(logging.Handler):  # noqa: N801 - it is used like a function
    """Collects what is logged, from the lowest level on, while it lasts."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__(level=logging.DEBUG)
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("asyncio"):  # says how many file descriptors it selects on
            return
        if "GeneratorExit" in record.getMessage():
            return  # when a generator that was left lying is closed, the garbage collector decides
        self._lines.append(f"{record.name} {record.levelname} {_IDS.sub('*', record.getMessage())}")

    def __enter__(self) -> Iterator[None]:
        root = logging.getLogger()
        self._before = root.level
        root.setLevel(logging.DEBUG)
        root.addHandler(self)
        return iter(())

    def __exit__(self, *_: object) -> None:
        root = logging.getLogger()
        root.removeHandler(self)
        root.setLevel(self._before)
