"""Keeps prompts, answers and secrets out of the store: the one filter before the store and the outbox.

Other instrumentations record content by default, and the exporter and the receiver get every span of the
application, SQL and URLs included. `content.toml` lists what may stay; `FIRSTTOKEN_KEEP_CONTENT=1` lets all stay.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, cast

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ENVIRONMENT_VARIABLE: Final = "FIRSTTOKEN_KEEP_CONTENT"

_DROP, _SHORT, _LONG, _JSON = range(4)
_SHORT_TEXT = 256
_LONG_TEXT = 4096
_LIST_ITEMS = 4096
#: Decisions remembered per attribute name; an application that invents names without end must not fill memory.
_REMEMBERED = 10_000

#: What a status message may say about an API error: its type, the SDK's class, the status. Never the message itself.
_ERROR_WORDS = re.compile(
    r"\b[a-z]+(?:_[a-z]+)*_error\b|\b[A-Z][A-Za-z]{2,40}(?:Error|Exception)\b|(?<=Error code: )\d{3}\b|^\d{3}\b"
)


def keeps_content() -> bool:
    """Whether the user asked that content be kept."""
    return os.environ.get(ENVIRONMENT_VARIABLE, "").strip().lower() in {"1", "true", "yes", "on"}


class _NameRules:
    """Which attributes of one kind of span stay, decided once per name."""

    __slots__ = ("_decided", "_long", "_names", "_prefixes", "json")

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._names = frozenset[str](table["names"])
        self._prefixes = tuple[str, ...](table["prefixes"])
        self._long = frozenset[str](table.get("long", ()))
        self.json: dict[str, frozenset[str]] = {
            name: frozenset(members) for name, members in table.get("json", {}).items()
        }
        self._decided: dict[str, int] = {}

    def decision(self, name: str) -> int:
        decided = self._decided.get(name)
        if decided is None:
            if name in self.json:
                decided = _JSON
            elif name in self._long:
                decided = _LONG
            else:
                decided = _SHORT if name in self._names or name.startswith(self._prefixes) else _DROP
            if len(self._decided) > _REMEMBERED:
                self._decided.clear()
            self._decided[name] = decided
        return decided


class ContentFilter:
    """Drops content from spans. One instance is used from one thread at a time.

    Args:
        keep_content: let everything stay.
    """

    def __init__(self, *, keep_content: bool = False) -> None:
        table = _table()
        self.keep_content = keep_content
        self._genai_prefixes = tuple(table["genai"]["prefixes"])
        self._genai_scopes = tuple(table["genai"]["scope_prefixes"])
        self._genai_names: dict[str, bool] = {}
        self._call = _NameRules(table["call"])
        self._other = _NameRules(table["other"])
        self._resource = _NameRules(table["resource"])
        self._events: dict[str, frozenset[str]] = {name: frozenset(kept) for name, kept in table["events"].items()}

    def is_genai(self, attributes: Mapping[str, object], scope_name: str | None) -> bool:
        """Whether a span with these attributes tells of a GenAI call."""
        if scope_name is not None and scope_name.startswith(self._genai_scopes):
            return True
        known = self._genai_names
        for name in attributes:
            found = known.get(name)
            if found is None:
                if len(known) > _REMEMBERED:
                    known.clear()
                found = known[name] = name.startswith(self._genai_prefixes)
            if found:
                return True
        return False

    def attributes(self, attributes: Mapping[str, object], *, genai: bool) -> Mapping[str, object]:
        """The attributes that stay."""
        if self.keep_content:
            return attributes
        return self._kept(attributes, self._call if genai else self._other)

    def resource(self, attributes: Mapping[str, object]) -> Mapping[str, object]:
        """The resource attributes that stay."""
        return attributes if self.keep_content else self._kept(attributes, self._resource)

    def events(self, events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The events that stay, with the attributes that stay; each is `{"name", "time", "attributes"}`."""
        if self.keep_content:
            return list(events)
        kept: list[Mapping[str, Any]] = []
        for event in events:
            names = self._events.get(cast("str", event.get("name")))
            if names is None:
                continue
            attributes: Mapping[str, object] = event.get("attributes") or {}
            short = {name: value for name, value in attributes.items() if name in names and _is_short(value)}
            kept.append({"name": event["name"], "time": event.get("time"), "attributes": short})
        return kept

    def status_message(self, message: str | None, *, genai: bool) -> str | None:
        """The names of the error in `message`, without the message; None on spans that tell of no call."""
        if self.keep_content or not message:
            return message or None
        if not genai:
            return None
        words = dict.fromkeys(_ERROR_WORDS.findall(message[:_LONG_TEXT]))
        return " ".join(list(words)[:4]) or None

    def _kept(self, attributes: Mapping[str, object], rules: _NameRules) -> dict[str, object]:
        kept: dict[str, object] = {}
        for name, value in attributes.items():
            decision = rules.decision(name)
            if decision == _DROP:
                continue
            if decision == _SHORT:
                if _is_short(value):
                    kept[name] = value
            elif decision == _LONG:
                if _is_long(value):
                    kept[name] = value
            elif isinstance(value, str) and (numbers := _numbers(value, rules.json[name])):
                kept[name] = numbers
        return kept


def _numbers(text: str, members: frozenset[str]) -> str | None:
    """The numbers, booleans and words under `members` of a JSON object's text; None where nothing is left."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    chosen = cast("dict[str, object]", value)
    if "*" not in members:
        chosen = {name: inner for name, inner in chosen.items() if name in members}
    kept = _numbers_of(chosen, 0)
    return json.dumps(kept) if kept else None


def _numbers_of(value: dict[str, object], depth: int) -> dict[str, object]:
    kept: dict[str, object] = {}
    for key, inner in value.items():
        if isinstance(inner, (bool, int, float)) or _is_word(inner):
            kept[key] = inner
        elif isinstance(inner, dict) and depth < 3:
            kept[key] = _numbers_of(cast("dict[str, object]", inner), depth + 1)
    return kept


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__ or "").joinpath("content.toml").read_text(encoding="utf-8"))


def _is_word(value: object) -> bool:
    """Whether `value` is an identifier rather than a text: no white space, at most 128 characters."""
    return isinstance(value, str) and len(value) <= 128 and not any(map(str.isspace, value))


def _is_short(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _SHORT_TEXT
    if isinstance(value, (bool, int, float)):
        return True
    return isinstance(value, (list, tuple)) and _fits(cast("Sequence[object]", value), _SHORT_TEXT, 64)


def _is_long(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= _LONG_TEXT
    return isinstance(value, (list, tuple)) and _fits(cast("Sequence[object]", value), _SHORT_TEXT, _LIST_ITEMS)


def _fits(values: Sequence[object], text_length: int, items: int) -> bool:
    return len(values) <= items and all(
        len(item) <= text_length if isinstance(item, str) else isinstance(item, (bool, int, float)) for item in values
    )
