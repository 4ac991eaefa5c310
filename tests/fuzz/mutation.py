"""Damaged messages: valid ones, changed by a seeded generator either in their bytes or field by field. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

NUMBERS = (0, 1, -1, 2, 127, 255, 1 << 16, (1 << 31) - 1, -(1 << 31), (1 << 63) - 1, -(1 << 63), (1 << 64) - 1)
TEXTS = (
    "",
    "a",
    "id",
    "*",
    "a.b",
    "`",
    "\0",
    "é漢",
    "x" * 5000,
    "1e999",
    "NaN",
    "sum",
    "not_a_function",
    "../..",
    "%s{}",
)
"""Names that exist, names that do not, and what breaks quoting."""
PROGRAM_TEXTS = (
    "1 +",
    "id + 1 AS b",
    "sum(id) OVER (ORDER BY id)",
    "array(1, 2)[5]",
    "struct(1 AS a).a",
    "CAST('x' AS INT)",
    "INTERVAL 1 DAY",
    "(SELECT max(id) FROM range(3))",
    "x -> x + 1",
    "DECIMAL(39, 2)",
    "array<struct<a int>>",
    "map<string, array<int>>",
    "INTERVAL DAY TO SECOND",
    "a INT, b STRING NOT NULL",
    '{"type":"struct","fields":[]}',
    '{"type":"array"}',
    "SELECT * FROM range(3) TABLESAMPLE (10 ROWS)",
    "9" * 50,
    "(" * 300,
    "2024-02-30",
    "America/New_York",
)
"""Pieces of SQL, types and values, right and wrong: some fields hold a language of their own."""

_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(1 << 31), (1 << 31) - 1),
}


class Donors:
    """Well-formed pieces of messages by their type, to be put where another message has such a piece."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._pieces: dict[str, list[Message]] = {}
        for message in messages:
            for piece in _with_all_below(message):
                self._pieces.setdefault(piece.DESCRIPTOR.full_name, []).append(piece)

    def one_for(self, place: Message, random: Random) -> Message:
        return random.choice(self._pieces.get(place.DESCRIPTOR.full_name, [place]))


def mutated(message: Message, random: Random, donors: Donors | None = None) -> bytes:
    """The message with one to three changes; one time in six to its bytes, so that it may not even parse.

    With donors half of the changes put a well-formed piece of another message where there was one of its type.
    """
    if random.random() < 1 / 6:
        return damaged(message.SerializePartialToString(), random)
    copy = type(message)()
    copy.CopyFrom(message)
    for _ in range(random.randint(1, 3)):
        if donors is not None and random.random() < 0.5:
            _graft(copy, donors, random)
        else:
            _change(copy, random)
    return copy.SerializePartialToString()


def _graft(message: Message, donors: Donors, random: Random) -> None:
    """Puts another message's piece, or the place's own ancestor, into a place of the same type."""
    places = _with_all_below(message)[1:]
    if not places:
        return
    place = random.choice(places)
    alike = [piece for piece in places if piece.DESCRIPTOR is place.DESCRIPTOR]
    piece = random.choice(alike) if random.random() < 0.3 else donors.one_for(place, random)
    copy = type(piece)()
    copy.CopyFrom(piece)
    place.CopyFrom(copy)


def damaged(octets: bytes, random: Random) -> bytes:
    """Flipped bits, a missing end, a piece repeated, or noise put in."""
    found = bytearray(octets)
    place = random.randrange(len(found) + 1)
    match random.randrange(4):
        case 0:
            for _ in range(random.randint(1, 8)):
                if found:
                    found[random.randrange(len(found))] ^= 1 << random.randrange(8)
        case 1:
            del found[place:]
        case 2:
            piece = found[place : place + random.randint(1, 64)]
            found[place:place] = piece * random.randint(1, 4)
        case _:
            found[place:place] = random.randbytes(random.randint(1, 64))
    return bytes(found)


def _change(message: Message, random: Random) -> None:
    """Changes a field of the message, or of one of those inside it: all are as likely."""
    target = random.choice(_with_all_below(message))
    fields: list[Any] = list(target.DESCRIPTOR.fields)
    present = [field for field, _ in target.ListFields()]
    if fields:
        # Half of the time one that is set: most messages have many fields and use few.
        _change_field(target, random.choice(present if present and random.random() < 0.5 else fields), random)


def _with_all_below(message: Message) -> list[Message]:
    found = [message]
    for field, value in message.ListFields():
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE and not _is_map(field):
            for below in value if field.is_repeated else [value]:
                found.extend(_with_all_below(below))
    return found


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _change_field(message: Message, field: FieldDescriptor, random: Random) -> None:
    if _is_map(field):
        _change_map(getattr(message, field.name), field, random)
    elif random.random() < 0.3:
        message.ClearField(field.name)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        _change_message_field(message, field, random)
    elif field.is_repeated:
        values = getattr(message, field.name)
        if values and random.random() < 0.5:
            del values[random.randrange(len(values))]
        else:
            values.append(_scalar(field, random))
    elif message.HasField(field.name) if field.has_presence else getattr(message, field.name):
        setattr(message, field.name, _altered(field, getattr(message, field.name), random))
    else:
        setattr(message, field.name, _scalar(field, random))


def _change_map(values: Any, field: Any, random: Random) -> None:
    """Drops an entry, all of them, or adds one."""
    if values and random.random() < 0.5:
        del values[random.choice(sorted(values))]
    elif random.random() < 0.3:
        values.clear()
    else:
        key_field, value_field = field.message_type.fields
        key = _scalar(key_field, random)
        if value_field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            values[key].SetInParent()
        else:
            values[key] = _scalar(value_field, random)


def _altered(field: FieldDescriptor, value: Any, random: Random) -> object:
    """Another value; of texts and octets mostly one near the old."""
    if field.cpp_type != FieldDescriptor.CPPTYPE_STRING or random.random() < 0.4:
        return _scalar(field, random)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return damaged(value, random)
    place, end = sorted((random.randrange(len(value) + 1), random.randrange(len(value) + 1)))
    put = random.choice((*TEXTS, *PROGRAM_TEXTS, value[place:end], random.choice("()[]{}',;.:-+*/<>=`\"\\\n0")))
    return value[:place] + put + value[random.choice((place, end)) :]


def _change_message_field(message: Message, field: FieldDescriptor, random: Random) -> None:
    """Sets an empty message where there was none, drops or doubles one of a list, moves a sibling's content there."""
    if field.is_repeated:
        values = getattr(message, field.name)
        if not values:
            values.add()
        elif random.random() < 0.5:
            del values[random.randrange(len(values))]
        else:
            values.add().CopyFrom(random.choice(list(values)))
        return
    alike = [
        value
        for other, value in message.ListFields()
        if other.message_type is field.message_type and not other.is_repeated
    ]
    target = getattr(message, field.name)
    target.SetInParent()
    if alike:
        target.CopyFrom(random.choice(alike))


def _scalar(field: FieldDescriptor, random: Random) -> object:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_BOOL:
            return random.random() < 0.5
        case FieldDescriptor.CPPTYPE_FLOAT | FieldDescriptor.CPPTYPE_DOUBLE:
            return random.choice((0.0, -1.0, 0.5, 1e300, float("inf"), float("nan")))
        case FieldDescriptor.CPPTYPE_STRING if field.type == FieldDescriptor.TYPE_BYTES:
            return random.randbytes(random.randint(0, 40))
        case FieldDescriptor.CPPTYPE_STRING:
            return random.choice(TEXTS if random.random() < 0.7 else PROGRAM_TEXTS)
        case FieldDescriptor.CPPTYPE_ENUM if field.enum_type is not None:
            known = [value.number for value in field.enum_type.values]
            return random.choice([*known, 99, -1])
    low, high = _INTEGERS[field.cpp_type]
    return random.choice([number for number in NUMBERS if low <= number <= high])
