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
    """Read one JSON document, and be lenient with what a whole batch should not be lost for.

    That is: bytes that are no UTF-8 (they become U+FFFD), half a surrogate pair, NaN and Infinity. Whoever stores what
    comes back makes the latter two storable.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    if orjson is not None:
        try:
            return orjson.loads(text)
        except ValueError:
            pass  # the standard library reads what is only a little wrong, or says itself what is
    return json.loads(text.decode("utf-8", "replace"))
