"""A model's name as an application, a cloud or a gateway writes it, brought back to the Claude API's own id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

#: `us.anthropic.claude-…`, an inference profile's ARN, `anthropic/claude-…`, `vertex_ai/claude-…`: what stands before.
_BEFORE: Final = re.compile(r"^.*(?:/|\banthropic\.)(?=claude-)")
#: Bedrock's `-v1:0`, `-v2`, `:48k`; Vertex' `@20251001`, `@default`; a gateway's `[1m]`.
_AFTER: Final = re.compile(r"(?:-v\d+)?(?::\w+)*(?:@\w+)?(?:\[\w+\])?$")
_DATE: Final = re.compile(r"(?:-\d{8}|-latest)$")


def candidates(name: str) -> Iterator[str]:
    """The ids that `name` may stand for, likeliest first: as written, without its cloud's dress, without its date."""
    yield name
    bare = _BEFORE.sub("", name.strip().lower(), count=1)
    yield bare
    bare = _AFTER.sub("", bare, count=1)
    yield bare
    yield (undated := _DATE.sub("", bare))
    yield undated.replace(".", "-")
