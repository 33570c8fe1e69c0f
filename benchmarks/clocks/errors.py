"""How far our figures were off, by way to read a stream, and the table of docs/clocks.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from firsttoken import attributes as a

if TYPE_CHECKING:
    from benchmarks.clocks.server import Sent

Mode: TypeAlias = Literal["sync", "async"]
#: Every way to read a stream, and what docs/clocks.md calls it.
WAYS = {
    "create_stream_for": "`create(stream=True)`, `for`",
    "create_stream_next": "`create(stream=True)`, `next()`",
    "stream_events": "`stream()` by event",
    "stream_text": "`.text_stream`",
    "stream_final_message": "`.get_final_message()`",
    "stream_until_done": "`.until_done()`",
    "raw_stream": "`with_raw_response`",
    "streaming_response_stream": "`with_streaming_response`, parsed",
    "streaming_response_lines": "`with_streaming_response`, `.iter_lines()`",
    "streaming_response_bytes": "`with_streaming_response`, `.iter_bytes()`",
    "beta_create_stream": "`beta` `create(stream=True)`",
}


@dataclass
class Call:
    """One call: when the application made it, when the socket was read, and what our span said. Monotonic seconds."""

    kind: str
    began: float
    headers_read_at: float
    delta_read_at: float
    text_read_at: float
    told: dict[str, Any]


@dataclass
class Errors:
    """Milliseconds by which figures were off. `own` is what httpx, the SDK and we added after the socket was read."""

    ttft: list[float] = field(default_factory=list[float])
    own: list[float] = field(default_factory=list[float])
    machine: list[float] = field(default_factory=list[float])
    text: list[float] = field(default_factory=list[float])
    headers: list[float] = field(default_factory=list[float])
    kinds: dict[str, list[float]] = field(default_factory=dict[str, "list[float]"])
    upper_bounds: int = 0

    def add(self, call: Call, sent: Sent) -> None:
        told = call.told
        ours_at = call.began + told[a.TIME_TO_FIRST_CHUNK]
        error = (ours_at - sent.first_delta_at) * 1e3
        self.ttft.append(error)
        self.kinds.setdefault(call.kind, []).append(error)
        self.own.append((ours_at - call.delta_read_at) * 1e3)
        self.machine.append((call.delta_read_at - sent.first_delta_at) * 1e3)
        if sent.first_text_at is not None:
            self.text.append((call.began + told[a.TIME_TO_FIRST_TEXT] - sent.first_text_at) * 1e3)
        self.headers.append((call.began + told[a.TIME_TO_HEADERS] - sent.headers_at) * 1e3)
        self.upper_bounds += bool(told.get(a.TIME_TO_FIRST_CHUNK_UPPER_BOUND))


def p99(errors: Sequence[float]) -> float:
    """The 99th percentile of their size."""
    return sorted(abs(error) for error in errors)[round(0.99 * (len(errors) - 1))]


def table(mode: Mode, errors: dict[str, Errors], bare: list[float], off: dict[str, list[float]]) -> list[str]:
    calls = len(next(iter(errors.values())).ttft)
    heads = (
        f"{mode}, {calls} calls each",
        "TTFT off by, median",
        "p99",
        "of it the machine's, p99",
        "after the read, p99",
        "first text, p99",
        "headers, p99",
        "tokens per second off by, at most",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for way, title in WAYS.items():
        found = errors[way]
        lines.append(
            f"| {title} | {statistics.median(found.ttft):.2f} ms | {p99(found.ttft):.2f} ms | {p99(found.machine):.2f} "
            f"| {p99(found.own):.2f} | {p99(found.text):.2f} ms | {p99(found.headers):.2f} ms "
            f"| {f'{max(map(abs, off[way])):.2%}' if off.get(way) else ''} |"
        )
    for kind in ("text", "thinking", "tool"):
        every = [error for found in errors.values() for error in found.kinds.get(kind, [])]
        median = statistics.median(every)
        lines.append(f"| *all ways, {kind}* ({len(every):,}) | {median:.2f} ms | {p99(every):.2f} ms | | | | | |")
    lines.append(
        f"| *a bare socket, no SDK, none of us* | {statistics.median(bare):.2f} ms | {p99(bare):.2f} ms "
        f"| {p99(bare):.2f} | | | | |"
    )
    return lines
