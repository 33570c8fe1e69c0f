"""Reading JSON from strangers, by orjson where it is installed.

`firsttoken import` belongs to the plain install, which has no orjson; with it, parsing takes about a third of the time.
"""

from __future__ import annotations

import json
from typing import TypeAlias

try:
    import orjson
except ModuleNotFoundError:
    orjson = None

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


def loads(text: bytes) -> Json:
    """Read one JSON document. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    read = json.loads if orjson is None else orjson.loads
    try:
        return read(text)
    except ValueError:
        repaired = text.decode("utf-8", "replace").encode()
        if repaired == text:
            raise
        return read(repaired)
