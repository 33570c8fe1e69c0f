"""Recorded traffic for the advisor's tests: spans as the instrumentation writes them, in a real store.

    traffic = Traffic(seed=1)
    with traffic.request("/answer"):  # a SERVER span around what follows
        traffic.call(at=CHAT, output_tokens=600)
    store = traffic.store(tmp_path)

Each call moves the clock on by its duration, so calls follow one another unless told otherwise.
"""

from __future__ import annotations

import json
import random
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, NamedTuple

from firsttoken import store as stores
from firsttoken.store import SpanRecord, Store

ROOT = Path("/srv/shop")
NANOSECONDS = 1_000_000_000
START = datetime(2026, 11, 20, 9, 0, tzinfo=timezone.utc)


class Line(NamedTuple):
    """A line of the application that calls."""

    file: str
    line: int
    function: str


CHAT = Line("/srv/shop/app/chat.py", 31, "answer")
JOB = Line("/srv/shop/jobs/nightly.py", 12, "summarise_all")


class Attempt(NamedTuple):
    """One attempt that failed; `error` is the API's type or the SDK's exception."""

    error: str
    status: int | None
    seconds: float
    retry_after: float | None = None


OVERLOADED = Attempt("overloaded_error", 529, 0.2)


@dataclass
class Traffic:
    """Calls of one service. `tokens_per_second` and `first_token_s` are the model's own speed, with 5 % of luck."""

    service: str = "shop"
    seed: int = 1
    tokens_per_second: float = 80.0
    first_token_s: float = 0.8
    resource: dict[str, Any] = field(default_factory=dict[str, Any])
    process: int = 100
    now: float = 0.0
    spans: list[SpanRecord] = field(default_factory=list[SpanRecord])
    _trace: str | None = None
    _parent: str | None = None
    _numbers: int = 0

    def __post_init__(self) -> None:
        self.luck = random.Random(self.seed)

    @contextmanager
    def request(
        self, name: str = "POST /answer", *, kind: Literal["SERVER", "CONSUMER", "INTERNAL"] = "SERVER"
    ) -> Generator[str]:
        """A trace that begins with a span of that kind; yields the trace id."""
        before = self._trace, self._parent
        self._trace, self._parent = self._id(32), self._id(16)
        trace, span, started = self._trace, self._parent, self.now
        try:
            yield trace
        finally:
            self._trace, self._parent = before
            self._add(trace, span, None, name, kind, started, self.now, {}, scope="app")

    def idle(self, seconds: float) -> None:
        """Time without calls."""
        self.now += seconds

    def call(  # noqa: PLR0913 - one keyword for each thing that a test may want to say of a call
        self,
        at: Line | None = CHAT,
        *,
        model: str | None = "claude-opus-5",
        stream: bool = False,
        input_tokens: int = 800,
        output_tokens: int = 400,
        thinking_tokens: int = 0,
        max_tokens: int = 1024,
        failed: Sequence[Attempt] = (),
        error: str | None = None,
        status: int | None = None,
        slept: float = 0.0,
        timeout: float = 600.0,
        max_retries: int = 2,
        client: tuple[str, int] | None = ("shared", 2),
        construction: float | None = None,
        connection: float | None = None,
        depends_on: Sequence[str] | None = (),
        blocks: Sequence[str] = ("text:1",),
        prompt: Sequence[str] = ("system:00aa00aa00aa00aa:3000:-", "messages:11bb11bb11bb11bb:200:-"),
        duration: float | None = None,
        advance: bool = True,
        scope: str = "firsttoken",
        without: Sequence[str] = (),
        **more: Any,
    ) -> str:
        """Record one call; returns its span id. `error` makes it fail after the `failed` attempts.

        `client` is its id and the how-many-th call this is of it; `without` names attributes that nobody recorded;
        `more` are attributes with their dots as double underscores.
        """
        first = self.first_token_s * self.luck.gauss(1, 0.05) + 0.00012 * input_tokens
        speed = self.tokens_per_second * self.luck.gauss(1, 0.05)
        took = first + output_tokens / speed if duration is None else duration
        lost = sum(attempt.seconds for attempt in failed) + slept
        total = lost if error is not None and failed else lost + took
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "anthropic",
            "gen_ai.request.model": model,
            "gen_ai.request.max_tokens": max_tokens,
            "gen_ai.request.stream": stream,
            "http.request.resend_count": max(len(failed) - (error is not None), 0),
            "firsttoken.request.timeout": timeout,
            "firsttoken.request.max_retries": max_retries,
            "firsttoken.retry.wait": slept,
            "firsttoken.prompt.blocks": list(prompt),
            "process.pid": self.process,
            "code.file.path": at.file if at else None,
            "code.line.number": at.line if at else None,
            "code.function.name": at.function if at else None,
            "firsttoken.client.id": client[0] if client else None,
            "firsttoken.client.calls": client[1] if client else None,
            "firsttoken.client.construction_duration": construction,
            "firsttoken.connection.new": connection is not None,
            "firsttoken.connection.duration": connection,
            "error.type": error,
            "http.response.status_code": status if error else 200,
        }
        if error is None:
            attributes |= {
                "gen_ai.response.model": model,
                "gen_ai.usage.input_tokens": input_tokens,
                "gen_ai.usage.cache_read.input_tokens": 0,
                "gen_ai.usage.cache_write.input_tokens": 0,
                "gen_ai.usage.output_tokens": output_tokens,
                "gen_ai.usage.reasoning.output_tokens": thinking_tokens,
                "gen_ai.response.finish_reasons": ["end_turn"],
                "gen_ai.response.time_to_first_chunk": lost + first if stream else None,
                "firsttoken.output_tokens_per_second": speed if stream else None,
                "firsttoken.response.blocks": list(blocks),
                "firsttoken.depends_on": None if depends_on is None else list(depends_on),
            }
        attributes |= {name.replace("__", "."): value for name, value in more.items()}
        told = {name: value for name, value in attributes.items() if value is not None and name not in without}
        span = self._id(16)
        self._add(
            self._trace or self._id(32),
            span,
            self._parent,
            f"chat {model}",
            "CLIENT",
            self.now,
            self.now + total,
            told,
            scope=scope,
            events=[_event(attempt, self.now) for attempt in failed],
            failed=error is not None,
        )
        if advance:
            self.now += total
        return span

    def store(self, folder: Path, name: str = "calls.duckdb") -> Store:
        """Write everything recorded so far into a store of its own."""
        made = stores.open(folder / name)
        made.append(self.spans)
        return made

    def _add(  # noqa: PLR0913 - the columns of a span
        self,
        trace: str,
        span: str,
        parent: str | None,
        name: str,
        kind: str,
        start: float,
        end: float,
        attributes: dict[str, Any],
        *,
        scope: str,
        events: Sequence[dict[str, Any]] = (),
        failed: bool = False,
    ) -> None:
        resource = {"service.name": self.service, "service.instance.id": f"host-{self.process}", **self.resource}
        self.spans.append(
            SpanRecord(
                trace_id=trace,
                span_id=span,
                parent_span_id=parent,
                name=name,
                kind=kind,
                start_time=_nanoseconds(start),
                end_time=_nanoseconds(end),
                status_code="ERROR" if failed else "UNSET",
                status_message=None,
                scope_name=scope,
                scope_version=None,
                service_name=self.service,
                resource=json.dumps(resource),
                attributes=json.dumps(attributes),
                events=json.dumps(list(events)),
                links="[]",
            )
        )

    def _id(self, digits: int) -> str:
        self._numbers += 1
        return f"{self.seed:04x}{self._numbers:0{digits - 4}x}"


def _nanoseconds(second: float) -> int:
    return int(START.timestamp()) * NANOSECONDS + round(second * NANOSECONDS)


def _event(attempt: Attempt, at: float) -> dict[str, Any]:
    told: dict[str, Any] = {"error.type": attempt.error, "duration": attempt.seconds}
    if attempt.status is not None:
        told["http.response.status_code"] = attempt.status
    if attempt.retry_after is not None:
        told["retry_after"] = attempt.retry_after
    return {"name": "firsttoken.attempt", "time": _nanoseconds(at), "attributes": told}
