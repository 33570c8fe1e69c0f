"""What decoding a piece of OTLP comes to: spans on their way into the store, and what had to be refused."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from firsttoken.store import SpanBatch, sampling

#: Indexed by OTLP's enum; a value from a later version of OTLP counts as the first.
KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUS_CODES: Final = ("UNSET", "OK", "ERROR")

#: Attributes of one span, event or resource beyond this are dropped; OpenTelemetry's own limit is 128.
MAX_ATTRIBUTES: Final = 1024
#: Events and links of one span beyond this are dropped; OpenTelemetry's own limit is 128.
MAX_EVENTS: Final = 1024
#: Values nested deeper than this become null: protobuf itself stops at 100, and SQL reads the first level or two.
MAX_DEPTH: Final = 16


#: Held while a large body is decoded: threads that compete for the interpreter make each other wait, and the writer.
ONE_AT_A_TIME: Final = threading.Lock()


class UndecodableError(Exception):
    """The whole piece is no OTLP; the text says why."""


@dataclass(slots=True)
class Decoded:
    """The spans of one request, or of one line of a file."""

    spans: SpanBatch = field(default_factory=SpanBatch)
    #: Why spans were refused, and how many for each reason. The reasons hold nothing of the spans.
    refused: Counter[str] = field(default_factory=Counter[str])


def told_by_sampler(trace_state: str) -> dict[str, float]:
    """Return the attribute that a span's trace state comes to; none where it says nothing of sampling."""
    probability = sampling.probability(trace_state) if trace_state else None
    return {} if probability is None else {sampling.ATTRIBUTE: probability}
