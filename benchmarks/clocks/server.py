"""The look-alike in a process of its own: `python -m benchmarks.clocks.server`.

Prints its address; answers each line on its input with one line of JSON: what it knows of each request since the last,
by request id. Its clock is `time.monotonic()`, which all processes of a machine share.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from firsttoken_dashboard.demo.api import Limits, LookAlike
from firsttoken_dashboard.demo.api.records import Record

_UNLIMITED = Limits(requests=10**9, input_tokens=10**12, output_tokens=10**12)


@dataclass(frozen=True)
class Sent:
    """When the server handed bytes to its socket, in seconds of the machine's monotonic clock."""

    headers_at: float
    first_delta_at: float
    first_text_at: float | None
    tokens_per_second: float | None


class Server:
    """The other process, while it lasts."""

    def __enter__(self) -> Server:  # noqa: PYI034 - nobody inherits from it
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__ if __name__ != "__main__" else "benchmarks.clocks.server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def sent(self) -> dict[str, Sent]:
        """By request id, since it was asked last."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return {request_id: Sent(*clocks) for request_id, clocks in json.loads(self._line()).items()}

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _clocks(record: Record) -> list[Any]:
    return [record.headers_sent_at, record.first_delta_at, record.first_text_at, record.tokens_per_second]


def main() -> None:
    with LookAlike(seed=1) as api:
        api.limit("test", _UNLIMITED)
        print(api.url, flush=True)
        for _ in sys.stdin:
            told = {record.request_id: _clocks(record) for record in api.settle() if record.first_delta_at is not None}
            api.clear()
            api.limit("test", _UNLIMITED)
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
