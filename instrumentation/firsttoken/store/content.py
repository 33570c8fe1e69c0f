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
from operator import itemgetter
from typing import Any, Final, cast

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ENVIRONMENT_VARIABLE: Final = "FIRSTTOKEN_KEEP_CONTENT"

_DROP, _NUMBER, _WORD, _LIST, _TEXT, _JSON = range(6)
#: The sections of content.toml and what they decide; an exact name counts before a prefix.
_FORMS: Final = {"numbers": _NUMBER, "words": _WORD, "texts": _TEXT, "lists": _LIST}
_WORD_LENGTH = 256
_TEXT_LENGTH = 4096
_WORDS = 64
_LIST_ITEMS = 4096
#: Decisions remembered per attribute name; an application that invents names without end must not fill memory.
_REMEMBERED = 10_000
#: Sets of attributes remembered, and how long the names of one may be together.
_SHAPES = 256
_SHAPE_LENGTH = 8192
_NUMBERS: Final = frozenset({bool, int, float})

#: A name that an attribute may have, and a member of a JSON text.
_NAME = re.compile(r"[\w./:@$-]{1,128}", re.ASCII)
#: Identifiers rather than texts, at the speed of one.
_WORD_TEXTS = re.compile(r"(?:[!-~]{0,256}\0)*[!-~]{0,256}").fullmatch
_NUMBER_TEXT = re.compile(r"[+-]?[0-9.]{1,32}(?:[eE][+-]?[0-9]{1,3})?|[tT]rue|[fF]alse").fullmatch
_SHORT_TEXT = re.compile(rf"(?s).{{0,{_TEXT_LENGTH}}}").fullmatch
_FORM_OF_TEXT: Final = {_NUMBER: _NUMBER_TEXT, _TEXT: _SHORT_TEXT}
_FORMS_OF_WORDS: Final = frozenset({_WORD, _LIST})

#: What a status message may say about an API error: its type, the SDK's class, the status. Never the message itself.
_ERROR_WORDS = re.compile(
    r"\b[a-z]+(?:_[a-z]+)*_error\b|\b[A-Z][A-Za-z]{2,40}(?:Error|Exception)\b|(?<=Error code: )\d{3}\b|^\d{3}\b"
)


def keeps_content() -> bool:
    """Whether the user asked that content be kept."""
    return os.environ.get(ENVIRONMENT_VARIABLE, "").strip().lower() in {"1", "true", "yes", "on"}


class _Shape:
    """What becomes of attributes with certain names and types.

    Decided for all of them at once: one by one, the filter takes three times as long, and a third of what a span costs.
    """

    __slots__ = ("_texts", "_words", "complete", "kept", "others")

    def __init__(self, attributes: Iterable[tuple[str, int, type]]) -> None:
        words: list[str] = []
        texts: list[str] = []
        #: Those that stay if the words and texts among them do.
        self.kept: list[str] = []
        #: Those that are to be looked at themselves, with the form that they must have.
        self.others: list[tuple[str, int]] = []
        #: Whether `kept` is all.
        self.complete = True
        for name, form, kind in attributes:
            if kind in _NUMBERS and form not in {_DROP, _JSON}:
                self.kept.append(name)
            elif kind is str and (form in _FORMS_OF_WORDS or form == _TEXT):
                (texts if form == _TEXT else words).append(name)
                self.kept.append(name)
            else:
                self.complete = False
                if form != _DROP:
                    self.others.append((name, form))
        # An itemgetter of one name gives no tuple.
        self._words = itemgetter(*words, words[0]) if words else None
        self._texts = itemgetter(*texts, texts[0]) if texts else None

    def words_and_texts_stay(self, attributes: Mapping[str, object]) -> bool:
        """Whether all of them have their forms, seen together; what is false of all may be true of some."""
        if self._words is not None:
            words: tuple[str, ...] = self._words(attributes)
            together = "".join(words)
            if " " in together or not together.isascii() or not together.isprintable():
                return False
            if len(together) > _WORD_LENGTH and max(map(len, words)) > _WORD_LENGTH:
                return False
        return self._texts is None or max(map(len, self._texts(attributes))) <= _TEXT_LENGTH


class _NameRules:
    """Which attributes of one kind of span stay, decided once per name, and once per set of names."""

    __slots__ = ("_forms", "_names", "_prefixes", "_shapes", "json")

    def __init__(self, table: Mapping[str, Any]) -> None:
        forms: dict[str, int] = {name: form for section, form in _FORMS.items() for name in table.get(section, ())}
        self._names = {name: form for name, form in forms.items() if not name.endswith("*")}
        self._prefixes = {name[:-1]: form for name, form in forms.items() if name.endswith("*")}
        self.json: dict[str, frozenset[str]] = {
            name: frozenset(members) for name, members in table.get("json", {}).items()
        }
        self._names |= dict.fromkeys(self.json, _JSON)
        self._forms: dict[str, int] = {}
        self._shapes: dict[tuple[tuple[str, ...], tuple[type, ...]], _Shape] = {}

    def form(self, name: str) -> int:
        """What an attribute of this name must be like to stay."""
        form = self._forms.get(name)
        if form is None:
            if len(self._forms) > _REMEMBERED:
                self._forms.clear()
            form = self._forms[name] = self._decide(name)
        return form

    def shape(self, attributes: Mapping[str, object]) -> _Shape:
        """What is to be done with attributes of these names and types: the next span's are most often the same."""
        names = tuple(attributes)
        key = (names, tuple(map(type, attributes.values())))
        shape = self._shapes.get(key)
        if shape is None:
            shape = _Shape((name, self.form(name), kind) for name, kind in zip(*key, strict=True))
            if sum(map(len, names)) <= _SHAPE_LENGTH:
                if len(self._shapes) >= _SHAPES:
                    self._shapes.clear()
                self._shapes[key] = shape
        return shape

    def _decide(self, name: str) -> int:
        if name in self._names:
            return self._names[name]
        if _NAME.fullmatch(name):
            for prefix, form in self._prefixes.items():
                if name.startswith(prefix):
                    return form
        return _DROP


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
        self._json_words = frozenset[str](table["json_words"]["names"])
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
            words = {name: value for name, value in attributes.items() if name in names and _are_words(value, _WORDS)}
            kept.append({"name": event["name"], "time": event.get("time"), "attributes": words})
        return kept

    def status_message(self, message: str | None, *, genai: bool) -> str | None:
        """The names of the error in `message`, without the message; None on spans that tell of no call."""
        if self.keep_content or not message:
            return message or None
        if not genai:
            return None
        words = dict.fromkeys(_ERROR_WORDS.findall(message[:4096]))
        return " ".join(list(words)[:4]) or None

    def _kept(self, attributes: Mapping[str, object], rules: _NameRules) -> Mapping[str, object]:
        shape = rules.shape(attributes)
        if shape.words_and_texts_stay(attributes):
            if shape.complete:
                return attributes
            kept = {name: attributes[name] for name in shape.kept}
            for name, form in shape.others:
                self._keep(kept, name, attributes[name], form)
            return kept
        kept: dict[str, object] = {}
        for name, value in attributes.items():
            self._keep(kept, name, value, rules.form(name))
        return kept

    def _keep(self, kept: dict[str, object], name: str, value: object, form: int) -> None:
        """Adds an attribute to `kept` where it has the form that its name asks for."""
        if form == _DROP:
            return
        if form == _JSON:
            if isinstance(value, str) and (members := self._members(value, self._call.json[name])):
                kept[name] = members
        elif isinstance(value, (bool, int, float)) or _has_form(value, form):
            kept[name] = value

    def _members(self, text: str, members: frozenset[str]) -> str | None:
        """What stays of a JSON object's text, as text again; None where nothing is left."""
        try:
            value: object = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        chosen = cast("dict[str, object]", value)
        if "*" not in members:
            chosen = {name: inner for name, inner in chosen.items() if name in members}
        kept = self._members_of(chosen, 0)
        return json.dumps(kept) if kept else None

    def _members_of(self, value: dict[str, object], depth: int) -> dict[str, object]:
        kept: dict[str, object] = {}
        for key, inner in value.items():
            if not _NAME.fullmatch(key):
                continue
            if isinstance(inner, dict):
                if depth < 3:
                    kept[key] = self._members_of(cast("dict[str, object]", inner), depth + 1)
            elif _is_number(inner) or (key in self._json_words and isinstance(inner, str) and _is_word(inner)):
                kept[key] = inner
        return kept


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files(__package__ or "").joinpath("content.toml").read_text(encoding="utf-8"))


def _is_word(text: str) -> bool:
    """Whether it is an identifier rather than a text: at most 256 visible ASCII characters.

    Only ASCII, because there are scripts that write sentences without spaces. A pattern takes twice as long.
    """
    return len(text) <= _WORD_LENGTH and text.isascii() and text.isprintable() and " " not in text


def _has_form(value: object, form: int) -> bool:
    """Whether a text or a list is what its attribute should hold."""
    if isinstance(value, str):
        if form in _FORMS_OF_WORDS:
            return _is_word(value)
        return _FORM_OF_TEXT[form](value) is not None
    return form != _NUMBER and _are_words(value, _LIST_ITEMS if form == _LIST else _WORDS)


def _is_number(value: object) -> bool:
    return isinstance(value, (bool, int, float)) or (isinstance(value, str) and _NUMBER_TEXT(value) is not None)


def _are_words(value: object, most: int) -> bool:
    """Whether `value` is a word or a number, or a list of up to `most` of them."""
    if isinstance(value, str):
        return _is_word(value)
    if isinstance(value, (bool, int, float)):
        return True
    if not isinstance(value, (list, tuple)):
        return False
    items = cast("Sequence[object]", value)
    if len(items) > most:
        return False
    try:
        return _WORD_TEXTS("\0".join(cast("Sequence[str]", items))) is not None
    except TypeError:
        return all(not isinstance(item, (list, tuple)) and _are_words(item, 0) for item in items)
