"""Changes that a fuzzer of bytes takes long to find: other JSON values, known kinds of damage."""

from __future__ import annotations

import random
import re

import atheris

from tests.support.damage import spoil

#: a string, a number, a constant, or something empty.
_VALUE = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?|true|false|null|\[\]|\{\}')
_NASTY = (
    b"null",
    b"true",
    b"false",
    b'""',
    b'" "',
    b"0",
    b"-1",
    b"1.0",
    b"1e999",
    b"-0",
    b"2147483648",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1" + b"0" * 40,
    b"1" + b"0" * 4400,
    b"NaN",
    b"Infinity",
    b'"\\u0000"',
    b'"\\ud800"',
    b'"\\ud83d\\ude00"',
    b'"\xff\xfe"',
    b'"\xed\xa0\x80"',
    b"[]",
    b"{}",
    b"[" * 200 + b"]" * 200,
    b'{"a":' * 400 + b"1" + b"}" * 400,
    b"[" * 900 + b"]" * 900,
    b'"' + b"x" * 300 + b'"',
    b'"00:00:00:00:00:00:00:01"',
    b'"00:00:00:00:00:00:00:02"',
    b'"1"',
    b'"$1"',
    b'"$2"',
    b'"$1.1"',
    b'"x~$1"',
    b'"0 : x"',
    b'"999999999 : x"',
    b'"kilda.flow"',
    b'"my.replies"',
    b'"kilda.speaker"',
    b'"a/b\\u0000"',
)


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    """Another input, made of `data`: half of the time by libFuzzer itself."""
    chance = random.Random(seed)
    way = chance.randrange(6)
    if way < 3 or not data:
        changed = atheris.Mutate(data, max_size)
    elif way < 5:
        changed = _other_value(data, chance)
    else:
        changed = spoil(data, chance, 3_000)
    return bytes(changed[:max_size])


def _other_value(data: bytes, chance: random.Random) -> bytes:
    """One value of a JSON text is another, or stands there twice under its name."""
    values = list(_VALUE.finditer(data))
    if not values:
        return data + chance.choice(_NASTY)
    at = chance.choice(values)
    other = chance.choice(_NASTY) if chance.random() < 0.7 else chance.choice(values)[0]
    return data[: at.start()] + other + data[at.end() :]
