"""What the server itself knows of each request: the truth that tests measure an instrumentation against."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Record:
    """One attempt.

    Clocks are `time.monotonic()` (one clock for all processes of a machine), taken just before the bytes were handed to
    the socket; None: it did not come to that. `deltas` has (time, tokens) of each content delta.
    """

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    """Empty where the server was told not to keep bodies."""
    bytes_received: int
    api_key: str
    connection: int
    place: int
    """How many requests this connection has brought, this one included: 1 means that it was opened for it."""
    first_byte_at: float
    received_at: float
    request_id: str

    model: str | None = None
    stream: bool = False
    attempt: int = 0
    """The SDK's own count of retries before this attempt."""
    status: int | None = None
    error_type: str | None = None
    headers_sent_at: float | None = None
    first_delta_at: float | None = None
    """First content delta of any kind, shown thinking and signatures included."""
    first_text_at: float | None = None
    last_delta_at: float | None = None
    ended_at: float | None = None
    """When the last byte was sent, the connection cut, or the client seen to have left."""
    client_left: bool = False
    cut: bool = False
    output_tokens: int | None = None
    """All output tokens of the whole answer, as billed (also where the stream broke off before its end)."""
    thinking_tokens: int | None = None
    deltas: list[tuple[float, int]] = field(default_factory=list[tuple[float, int]])
    usage: dict[str, Any] = field(default_factory=dict[str, Any])
    billed: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Where a request is billed as several (a batch, a summary before the answer): the usage and model of each."""
    stop_reason: str | None = None
    bytes_sent: int = 0

    @property
    def ttft_s(self) -> float | None:
        """Request here → first content delta."""
        return None if self.first_delta_at is None else self.first_delta_at - self.received_at

    @property
    def time_to_headers_s(self) -> float | None:
        """Request here → head of the response."""
        return None if self.headers_sent_at is None else self.headers_sent_at - self.received_at

    @property
    def time_to_first_text_s(self) -> float | None:
        """Request here → first visible text."""
        return None if self.first_text_at is None else self.first_text_at - self.received_at

    @property
    def tokens_per_second(self) -> float | None:
        """Decode rate of what was streamed: tokens after the first delta over the time they took."""
        if len(self.deltas) < 2:
            return None
        (first_at, _), (last_at, _) = self.deltas[0], self.deltas[-1]
        return sum(tokens for _, tokens in self.deltas[1:]) / (last_at - first_at)
