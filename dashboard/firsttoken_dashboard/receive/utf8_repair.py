"""Making text that is no UTF-8 into text, within a protobuf message.

Protobuf refuses a whole message for one bad byte in one string, and so a thousand spans for one. Some senders do write
such bytes (a collector's Go code never looks). The message's bytes are walked by its descriptor, slowly, so only after
the parser has refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from google.protobuf.descriptor import Descriptor

_VARINT, _FIXED64, _LENGTH_DELIMITED, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED64: 8, _FIXED32: 4}
_LONGEST_VARINT: Final = 10
_TEXT: Final = FieldDescriptor.TYPE_STRING
#: How deep protobuf itself goes.
_DEEPEST: Final = 100


class NotAMessageError(Exception):
    """The bytes are no message of this kind, whatever its texts."""


def repaired(data: bytes, message: Descriptor, depth: int = 0) -> bytes:
    """Return the message's bytes with U+FFFD for what is no UTF-8; what is unknown to the descriptor stays as it is.

    Raises:
        NotAMessageError: the bytes end too soon, or are nested too deep.
    """
    if depth > _DEEPEST:
        raise NotAMessageError("it is nested too deep")
    fields = message.fields_by_number
    taken = bytearray()
    at = 0
    while at < len(data):
        began = at
        tag, at = _varint(data, at)
        wire_type = tag & 7
        if wire_type == _VARINT:
            _, at = _varint(data, at)
        elif wire_type in _FIXED_SIZES:
            at += _FIXED_SIZES[wire_type]
        elif wire_type == _LENGTH_DELIMITED:
            length, start = _varint(data, at)
            at = start + length
            field = fields.get(tag >> 3)
            if at <= len(data) and field is not None and (field.type == _TEXT or field.message_type is not None):
                held = data[start:at]
                if field.message_type is None:
                    held = held.decode("utf-8", "replace").encode()
                else:
                    held = repaired(held, field.message_type, depth + 1)
                taken += _as_varint(tag) + _as_varint(len(held)) + held
                continue
        else:
            raise NotAMessageError(f"it has a field of the unknown kind {wire_type}")
        if at > len(data):
            raise NotAMessageError("it ends in the middle of a field")
        taken += data[began:at]
    return bytes(taken)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; give it and the place behind it."""
    value = 0
    for place, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise NotAMessageError("it ends in the middle of a number")


def _as_varint(value: int) -> bytes:
    taken = bytearray()
    while value >= 0x80:
        taken.append(value & 0x7F | 0x80)
        value >>= 7
    taken.append(value)
    return bytes(taken)
