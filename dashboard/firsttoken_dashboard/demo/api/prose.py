"""Made-up content: sentences of plain words, and values that fit a JSON schema."""

from __future__ import annotations

import random
from typing import Any, Final, cast

WORDS: Final = tuple(
    """
    order account region report answer customer station garden letter market morning winter engine paper river
    signal bridge table window kitchen budget invoice contract parcel ticket service system network battery
    printer shelf arrives returns covers explains follows improves changes reaches needs keeps shows starts holds
    leaves opens quickly often early together slowly carefully usually again twice safely small large early open
    clear quiet recent local useful simple careful steady new short broad
    """.split()  # noqa: SIM905 - seventy lines of a list would say no more
)


def prose(rng: random.Random, chars: int) -> str:
    """Exactly `chars` characters of sentences."""
    pieces: list[str] = []
    length = 0
    while length < chars:
        sentence = " ".join(rng.choices(WORDS, k=rng.randint(7, 13))).capitalize() + ". "
        pieces.append(sentence)
        length += len(sentence)
    return "".join(pieces)[:chars]


def value_for(schema: dict[str, Any], rng: random.Random) -> Any:
    """Some value that fits a (simple) JSON schema."""
    if "enum" in schema:
        return rng.choice(schema["enum"])
    if "const" in schema:
        return schema["const"]
    if union := schema.get("anyOf") or schema.get("oneOf"):
        return value_for(union[0], rng)
    if schema.get("type") == "object":
        properties = cast("dict[str, dict[str, Any]]", schema.get("properties") or {})
        return {name: value_for(inner, rng) for name, inner in properties.items()}
    if schema.get("type") == "array":
        return [value_for(schema.get("items") or {}, rng) for _ in range(schema.get("minItems", 2))]
    return _scalar(schema.get("type"), rng)


def _scalar(kind: str | None, rng: random.Random) -> str | float | bool | None:
    match kind:
        case "integer":
            return rng.randint(1, 99)
        case "number":
            return round(rng.uniform(0, 1), 3)
        case "boolean":
            return rng.choice([True, False])
        case "null":
            return None
        case _:
            return prose(rng, rng.randint(12, 40)).strip()
