"""Keyed hashes of a request's blocks: what a prompt is made of, without its text.

Everything here works on the request's final bytes, off the caller's path (`background.py`). Nothing but hashes leaves
it. Of outputs it keeps, in memory and for the last 64 calls only, hashes of word runs under a key that dies with the
process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
from collections import OrderedDict
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, cast

HASH_KEY_VARIABLE = "FIRSTTOKEN_HASH_KEY"
#: Message blocks hashed one by one, counted from the end; those before them share one `prior` hash up to each mark.
LAST_MESSAGE_BLOCKS = 24
#: Cache marks that a request may have: so many of the blocks before those last ones are hashed one by one too.
MOST_MARKS = 4
#: Outputs remembered for `depends_on`.
OUTPUTS_KEPT = 64
#: Traces of which it is known that an output was forgotten, at least.
FORGOTTEN_KEPT = 4096
#: Words in a run that is looked for in later requests; an output of fewer words is one run.
RUN_WORDS = 5

_SETTINGS = ("tool_choice", "thinking", "output_config", "output_format", "speed")


class Fingerprint(NamedTuple):
    """`blocks`: `section:hash:chars:mark` in cache order (section `tools`, `system`, `messages` or `prior`)."""

    blocks: tuple[str, ...]
    request_hash: str
    settings_hash: str


def fingerprint(body: dict[str, Any]) -> Fingerprint:
    """The hashes of a decoded Messages request."""
    return Fingerprint(
        blocks=tuple(prompt_blocks(body)),
        request_hash=_hash(_canonical({key: value for key, value in body.items() if key != "metadata"})),
        # The speed that a request has without naming it breaks no cache when it is named.
        settings_hash=_hash(
            _canonical({key: body[key] for key in _SETTINGS if body.get(key, "standard") != "standard"})
        ),
    )


def prompt_blocks(body: dict[str, Any]) -> list[str]:
    """`firsttoken.prompt.blocks`, in the order in which the API's cache sees them: tools, system, messages."""
    blocks = [_block("tools", "", tool) for tool in _dicts(body.get("tools"))]
    blocks += [_block("system", "", block) for block in _content(body.get("system"))]
    messages = [
        (str(message.get("role", "")), block)
        for message in _dicts(body.get("messages"))
        for block in _content(message.get("content"))
    ]
    earlier = max(0, len(messages) - LAST_MESSAGE_BLOCKS)
    marked = [place for place in range(earlier) if _mark(messages[place][1]) != "-"][-MOST_MARKS:]
    done = 0
    for place in (*marked, *range(earlier, len(messages))):
        if place > done:
            blocks.append(_prior(messages[done:place]))
        blocks.append(_block("messages", *messages[place]))
        done = place + 1
    # A marker on the request itself is the API's automatic caching: it stands on the last block.
    if blocks and isinstance(body.get("cache_control"), dict) and blocks[-1].endswith(":-"):
        blocks[-1] = f"{blocks[-1][:-1]}{_mark(body)}"
    return blocks


def _block(section: str, role: str, block: dict[str, Any]) -> str:
    text, canonical = _text_of(block)
    return f"{section}:{_hash(f'{role} {canonical}')}:{len(text)}:{_mark(block)}"


def _prior(blocks: list[tuple[str, dict[str, Any]]]) -> str:
    digest = _digest()
    chars = 0
    for role, block in blocks:
        text, canonical = _text_of(block)
        chars += len(text)
        digest.update(f"{role} {canonical}\n".encode("utf-8", "surrogatepass"))
    return f"prior:{digest.hexdigest()}:{chars}:-"


def _text_of(block: dict[str, Any]) -> tuple[str, str]:
    """What a block weighs (its text, where it is one) and what identifies it (everything but its cache mark)."""
    bare = {key: value for key, value in block.items() if key != "cache_control"}
    canonical = _canonical(bare)
    text = bare.get("text")
    return (text if bare.get("type") == "text" and isinstance(text, str) else canonical), canonical


def _mark(block: dict[str, Any]) -> str:
    control = block.get("cache_control")
    if not isinstance(control, dict):
        return "-"
    return "1h" if control.get("ttl") == "1h" else "5m"  # pyright: ignore[reportUnknownMemberType]


def _content(value: object) -> list[dict[str, Any]]:
    """Content blocks; the API takes a bare string for one text block, and caches both alike."""
    return [{"type": "text", "text": value}] if isinstance(value, str) else _dicts(value)


def _dicts(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]  # pyright: ignore[reportUnknownVariableType]


def _canonical(value: object) -> str:
    # Key order stays: the API's cache is of what is sent, and a tool whose keys moved is another tool.
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _hash(text: str) -> str:
    digest = _digest()
    digest.update(text.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _digest() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=8, key=hash_key())


@lru_cache(maxsize=1)
def hash_key() -> bytes:
    """The key of all prompt hashes: `FIRSTTOKEN_HASH_KEY`, else `hash.key` in the user data directory, made once.

    Where that directory cannot be written, a key for this process alone: its prefixes compare with no other's.
    """
    given = os.environ.get(HASH_KEY_VARIABLE)
    if given:
        return hashlib.blake2b(given.encode(), digest_size=32).digest()
    import platformdirs

    directory = platformdirs.user_data_path("firsttoken", appauthor=False)
    try:
        return _key_file(directory)
    except OSError:
        return secrets.token_bytes(32)


def _key_file(directory: Path) -> bytes:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "hash.key"
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    # Written aside and linked into place: of two processes that start at once, both end with the same key.
    aside = directory / f"hash.key.{os.getpid()}.{secrets.token_hex(4)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        with contextlib.suppress(FileExistsError):
            os.link(aside, path)
    finally:
        aside.unlink()
    return path.read_bytes()


class _Output(NamedTuple):
    trace_id: int
    span_id: str
    run_words: int
    runs: frozenset[int]
    tool_use_ids: tuple[str, ...]


class Outputs:
    """The outputs of the last calls, as hashes of their word runs, to tell which later requests use them.

    Used by one thread at a time. Python's own string hash is keyed, and its key dies with the process.
    """

    def __init__(self) -> None:
        self._outputs: OrderedDict[str, _Output] = OrderedDict()
        #: Traces of which an output was forgotten, in two generations, so that memory stays bounded.
        self._forgotten: set[int] = set()
        self._forgotten_before: set[int] = set()

    def add(self, trace_id: int, span_id: str, request_text: str, text: str, tool_use_ids: tuple[str, ...]) -> None:
        """Remembers a call's visible output; runs that stand in its own request prove nothing and are left out."""
        run_words = min(RUN_WORDS, len(_WORD.findall(text)))
        runs = _runs(text, run_words) - _runs(request_text, run_words)
        if not runs and not tool_use_ids:
            return
        self._outputs[span_id] = _Output(trace_id, span_id, run_words, frozenset(runs), tool_use_ids)
        while len(self._outputs) > OUTPUTS_KEPT:
            _, forgotten = self._outputs.popitem(last=False)
            self.forget(forgotten.trace_id)

    def forget(self, trace_id: int) -> None:
        """An output of that trace is not remembered: what its later requests use is no longer known. For any thread."""
        if len(self._forgotten) >= FORGOTTEN_KEPT:
            self._forgotten, self._forgotten_before = set(), self._forgotten
        self._forgotten.add(trace_id)

    def used_by(self, trace_id: int, request_text: str) -> list[str] | None:
        """`span_id:share` of each earlier call of the trace whose output stands in `request_text`.

        None where an output of the trace was forgotten.
        """
        if trace_id in self._forgotten:
            return None
        if trace_id in self._forgotten_before:
            self.forget(trace_id)  # the trace goes on
            return None
        earlier = [output for output in self._outputs.values() if output.trace_id == trace_id]
        if not earlier:
            return []
        runs = {words: _runs(request_text, words) for words in {output.run_words for output in earlier}}
        used: list[str] = []
        for output in earlier:
            if any(tool_use_id in request_text for tool_use_id in output.tool_use_ids):
                share = 1.0
            elif output.runs:
                share = len(output.runs & runs[output.run_words]) / len(output.runs)
            else:
                continue
            if share > 0:
                used.append(f"{output.span_id}:{share:.3g}")
        return used


_WORD = re.compile(r"\w+")


def _runs(text: str, run_words: int) -> set[int]:
    """Hashes of all runs of `run_words` words."""
    if not run_words or not text:
        return set()
    words = _WORD.findall(text)
    return set(map(hash, zip(*(words[start:] for start in range(run_words)))))  # noqa: B905 - the ends are ragged on purpose


def text_of_request(body: dict[str, Any]) -> str:
    """All text of the request's system prompt and messages, one block a line."""
    parts: list[str] = []
    _collect(body.get("system"), parts)
    _collect(body.get("messages"), parts)
    return "\n".join(parts)


def _collect(value: object, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(value)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            _collect(item, parts)
    elif isinstance(value, dict):
        for key, item in cast("dict[str, object]", value).items():
            if key not in {"type", "role", "media_type", "data", "signature"}:
                _collect(item, parts)
