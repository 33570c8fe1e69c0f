"""What an application saw of a call, in a form to compare: values, their types, and errors with their text."""

from __future__ import annotations

from typing import Any, cast


def seen(value: object) -> Any:
    """`value` as plain data that names every type in it, private ones included."""
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, dict):
        return {key: seen(item) for key, item in cast("dict[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [seen(item) for item in cast("list[object]", value)]
    if isinstance(value, BaseException):
        return seen_error(value)
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return {"type": _name(value), "bases": _bases(value), "value": dump(warnings=False)}
    return _name(value)


def seen_error(error: BaseException) -> dict[str, Any]:
    """An exception as the application could tell it apart: type, bases, text, cause, context and its own attributes."""
    return {
        "type": _name(error),
        "bases": _bases(error),
        "text": str(error),
        "status": getattr(error, "status_code", None),
        "body": getattr(error, "body", None),
        "cause": _name(error.__cause__) if error.__cause__ else None,
        "context": _name(error.__context__) if error.__context__ else None,
        "notes": getattr(error, "__notes__", None),
    }


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _bases(value: object) -> list[str]:
    return [f"{kind.__module__}.{kind.__qualname__}" for kind in type(value).__mro__]
