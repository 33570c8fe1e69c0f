"""The four `gen_ai.client.*` histograms, with the semantic conventions' names, units and buckets."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from opentelemetry.metrics import NoOpHistogram, get_meter

from firsttoken import attributes as a
from firsttoken import background
from firsttoken._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.util.types import AttributeValue

    from firsttoken.stream import Reading

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)

_DIMENSIONS = (a.OPERATION_NAME, a.PROVIDER_NAME, a.REQUEST_MODEL, a.RESPONSE_MODEL, a.SERVER_ADDRESS, a.SERVER_PORT)

_TOKEN_TYPES = ((a.INPUT_TOKENS, "input"), (a.OUTPUT_TOKENS, "output"))


class Metrics:
    """The histograms of one meter provider."""

    def __init__(self, meter_provider: MeterProvider | None) -> None:
        meter = get_meter("firsttoken", __version__, meter_provider)
        self._duration = meter.create_histogram(
            "gen_ai.client.operation.duration",
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )
        self._first_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_to_first_chunk",
            unit="s",
            description="Time to receive the first chunk of a streamed answer.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )
        self._per_chunk = meter.create_histogram(
            "gen_ai.client.operation.time_per_output_chunk",
            unit="s",
            description="Time between the chunks of a streamed answer, after the first.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    @property
    def recorded(self) -> bool:
        """Whether anybody has asked for metrics: without a MeterProvider, recording goes nowhere."""
        duration = getattr(self._duration, "_real_instrument", self._duration)  # of the API's proxy
        return duration is not None and not isinstance(duration, NoOpHistogram)

    def record(self, known: Mapping[str, AttributeValue], duration_s: float, reading: Reading | None) -> None:
        """One call, from its span's attributes and the arrivals of its deltas."""
        dimensions = {name: known[name] for name in _DIMENSIONS if name in known}
        error_type = known.get(a.ERROR_TYPE)
        failed = {} if error_type is None else {a.ERROR_TYPE: error_type}
        self._duration.record(duration_s, {**dimensions, **failed})
        for name, kind in _TOKEN_TYPES:
            count = known.get(name)
            if isinstance(count, int):
                self._tokens.record(count, {**dimensions, "gen_ai.token.type": kind})
        first_s = known.get(a.TIME_TO_FIRST_CHUNK)
        if reading is not None and reading.deltas and isinstance(first_s, float):
            self._first_chunk.record(first_s, dimensions)
            # One record a chunk, as the conventions have it: too many for the thread of the caller.
            background.submit(lambda: self._record_chunks(reading.deltas, dimensions))

    def _record_chunks(self, deltas: list[float], dimensions: dict[str, AttributeValue]) -> None:
        for before, after in pairwise(deltas):
            if before > 0 and after > 0:
                self._per_chunk.record(after - before, dimensions)
