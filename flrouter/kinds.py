"""The kinds of value that settings have: what each allows, and how it is read.

Values come as text (environment), as TOML values, or as Python values from code. All three are read
in the same way: a value that was read before is read as itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")

_DAY_S = 86_400.0
#: so long that nobody guesses a token.
MIN_TOKEN_CHARACTERS = 16
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(ms|s|m|h)?", re.ASCII)
_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_TOPIC = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]{1,249}", re.ASCII)
_FLOODLIGHT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_BROKER = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?"
    r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?/?",
    re.ASCII,
)

_URL = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?",
    re.ASCII,
)

_HOST = re.compile(r"\.?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)


class Refused(ValueError):
    """A value that its kind does not allow; the text, if there is one, says why."""


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of value."""

    #: what is allowed, in words that follow "expected".
    allowed: str
    #: reads a value; raises :class:`Refused`.
    read: Callable[[object], T]
    #: shows a value in an error: a secret is hidden.
    show: Callable[[object], str] = repr


Read = Callable[[object], T]


def _kind(allowed: str, show: Callable[[object], str] = repr) -> Callable[[Read[T]], Kind[T]]:
    """Makes the function that reads a value into its kind."""
    return lambda read: Kind(allowed, read, show)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Refused
    return value.strip()


def _masked(value: object) -> str:
    """`value` without what stands before an @: that may be a password."""
    shown = repr(value)
    return shown if "@" not in shown else "'***@" + shown.rpartition("@")[2]


def _hidden(_: object) -> str:
    return "'***'"


def _items(value: object) -> list[str]:
    """The non-empty items of a list, or of text with commas or semicolons."""
    if isinstance(value, str):
        value = re.split("[,;]", value)
    if not isinstance(value, list | tuple):
        raise Refused
    return [text for item in value if (text := _text(item))]


def whole(low: int, high: int) -> Kind[int]:
    """A whole number from `low` to `high`."""

    def read(value: object) -> int:
        if isinstance(value, str):
            try:
                value = int(value)
            except ValueError:
                raise Refused from None
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise Refused
        return value

    return Kind(f"a whole number from {low} to {high}", read)


@_kind("true or false")
def yes_or_no(value: object) -> bool:
    """Yes or no."""
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    truth = words.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(truth, bool):
        raise Refused
    return truth


def duration(*, zero: bool = False) -> Kind[float]:
    """Seconds, from a millisecond to 30 days; 0 too if `zero`."""

    def read(value: object) -> float:
        if isinstance(value, str):
            match = _DURATION.fullmatch(value.strip())
            if match is None:
                raise Refused
            value = float(match[1]) * _SECONDS[match[2]]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Refused
        if (value == 0 and zero) or (math.isfinite(value) and 0.001 <= value <= 30 * _DAY_S):
            return float(value)
        raise Refused

    extra = ", or 0 for never" if zero else ""
    return Kind(f"seconds, or a duration as 500ms, 2s, 1m (1 ms to 30 days){extra}", read)


def choice(*names: str) -> Kind[str]:
    """One of some names, in upper or lower case."""
    by_lower = {name.lower(): name for name in names}

    def read(value: object) -> str:
        name = by_lower.get(_text(value).lower())
        if name is None:
            raise Refused
        return name

    return Kind(" or ".join((", ".join(names[:-1]), names[-1])), read)


def _topic(value: object) -> str:
    text = _text(value)
    if _TOPIC.fullmatch(text) is None:
        raise Refused(f"{text!r} is no topic name")
    return text


#: the name of one Kafka topic.
topic = Kind("a topic name (at most 249 of A-Z a-z 0-9 . _ -)", _topic)


@_kind("name=value, with commas between several, or a TOML table")
def headers(value: object) -> tuple[tuple[str, str], ...]:
    """Record headers, by their names."""
    if isinstance(value, Mapping):
        pairs = [(_text(name), _text(text)) for name, text in value.items()]
    elif isinstance(value, tuple) and all(isinstance(item, tuple) for item in value):
        pairs = [(_text(name), _text(text)) for name, text in value]
    else:
        pairs = []
        for item in _items(value):
            name, equals, text = item.partition("=")
            if not equals:
                raise Refused(f"{item!r} has no =")
            pairs.append((name.strip(), text.strip()))
    if any(not name or name.startswith("flrouter-") for name, _ in pairs):
        raise Refused("headers have a name, which does not begin with flrouter-")
    return tuple(pairs)


def or_nothing(kind: Kind[T], nothing: T) -> Kind[T]:
    """A value of some kind, or nothing."""
    return Kind(f"{kind.allowed}, or nothing", lambda value: kind.read(value) if value else nothing)


@_kind("a list of topic names (at least one), or text with commas")
def topics(value: object) -> tuple[str, ...]:
    """Kafka topics, at least one."""
    topic_names = tuple(_topic(item) for item in _items(value))
    if not topic_names:
        raise Refused
    return topic_names


@_kind("a topic name with {fl} once in it, at most 249 characters when {fl} is an id of 64")
def topic_template(value: object) -> str:
    """A topic name with `{fl}` where the FL's id goes."""
    text = _text(value)
    if text.count("{fl}") != 1:
        raise Refused
    _topic(text.replace("{fl}", "x" * 64))
    return text


def broker(schemes: tuple[str, ...]) -> Kind[str]:
    """One or more brokers under one URL scheme; read as `scheme://host:port,host:port`."""

    def read(value: object) -> str:
        scheme, hosts = "", []
        for item in _items(value):
            match = _BROKER.fullmatch(item)
            if match is None:
                raise Refused
            scheme = scheme or match["scheme"]
            port = int(match["port"] or 9092)
            if scheme not in schemes or match["scheme"] not in (None, scheme):
                raise Refused
            if not 1 <= port <= 65_535:
                raise Refused
            hosts.append(f"{match['host']}:{port}")
        if not hosts:
            raise Refused
        return f"{scheme}://{','.join(hosts)}"

    forms = " or ".join(f"{scheme}://host:port" for scheme in schemes)
    return Kind(f"{forms}; more hosts of one scheme after commas or semicolons", read, _masked)


@_kind("1 to 100 of A-Z a-z 0-9 . _ -")
def app_id(value: object) -> str:
    """The name of the consumer group, and the start of the names of the router's own topics."""
    text = _topic(value)
    if len(text) > 100:
        raise Refused
    return text


@dataclass(frozen=True)
class Floodlight:
    """An FL that the settings name."""

    id: str
    #: whether it sends `FlReceiveAck`; if not, only the response timeout applies.
    ack: bool = True


FLOODLIGHT_ID = "1 to 64 of A-Z a-z 0-9 . _ -"


def floodlight_id(value: object) -> str:
    """`value`, if it may be the id of an FL.

    Raises:
        Refused: it may not; the text says what is allowed.
    """
    if isinstance(value, str) and _FLOODLIGHT_ID.fullmatch(value):
        return value
    raise Refused(f"{value!r} is no FL id: expected {FLOODLIGHT_ID}")


def metric_name(topic_name: str) -> str:
    """What Kafka compares: it refuses a topic that differs from another only in `.` and `_`."""
    return topic_name.replace("_", ".")


def _floodlight(name: str, options: object) -> Floodlight:
    if not isinstance(options, Mapping) or not options.keys() <= {"ack"}:
        raise Refused(f"{name} has {options!r}, which is not a table with ack = true or false")
    ack = options.get("ack", True)
    if not isinstance(ack, bool):
        raise Refused(f"{name} has ack = {ack!r}")
    return Floodlight(floodlight_id(name), ack)


@_kind(f"a list of FL ids ({FLOODLIGHT_ID}), or a table of them with ack = false")
def floodlights(value: object) -> tuple[Floodlight, ...]:
    """FLs: a list of ids, or a table of ids with `ack`."""
    listed: Iterable[Floodlight]
    if isinstance(value, Mapping):
        listed = [_floodlight(name, options) for name, options in value.items()]
    elif isinstance(value, tuple) and all(isinstance(item, Floodlight) for item in value):
        listed = value
    else:
        listed = [Floodlight(floodlight_id(item)) for item in _items(value)]
    seen: dict[str, str] = {}
    for floodlight in listed:
        other = seen.setdefault(metric_name(floodlight_id(floodlight.id)), floodlight.id)
        if other is not floodlight.id:
            raise Refused(f"{other} and {floodlight.id} would share their topics")
    return tuple(listed)


def text(allowed: str = "text") -> Kind[str]:
    """Any text, nothing included."""
    return Kind(allowed, _text)


@_kind("text", _hidden)
def secret(value: object) -> str:
    """Text that is never shown and keeps its spaces."""
    if not isinstance(value, str):
        raise Refused
    return value


@_kind("http://host:port or https://host:port with a path, or nothing", _masked)
def url(value: object) -> str:
    """The address of something that speaks HTTP, or nothing."""
    address = _text(value).rstrip("/")
    if address and _URL.fullmatch(address) is None:
        raise Refused
    return address


@_kind("a folder, `postgresql://user:password@host/name`, or nothing", _masked)
def database(value: object) -> str:
    """A folder, PostgreSQL's address, or nothing; a password in it is never shown."""
    given = str(value) if isinstance(value, Path) else _text(value)
    if "://" in given and not given.startswith("postgresql://"):
        raise Refused
    return given


@_kind(f"at least {MIN_TOKEN_CHARACTERS} letters, digits and signs of ASCII, or nothing", _hidden)
def token(value: object) -> str:
    """A secret that fits into an HTTP header, or nothing."""
    text = _text(value)
    if not text.isascii() or not text.isprintable() or " " in text:
        raise Refused
    if text and len(text) < MIN_TOKEN_CHARACTERS:
        raise Refused("it can be guessed: make one with `openssl rand -hex 16`")
    return text


@_kind("a list of names without ports, or text with commas, or nothing")
def hosts(value: object) -> tuple[str, ...]:
    """Names of hosts, each perhaps with a dot in front."""
    names = tuple(item.lower() for item in _items(value))
    for name in names:
        if _HOST.fullmatch(name) is None:
            raise Refused(f"{name!r} is no host's name")
    return names


@_kind("a list of names, or text with commas")
def names(value: object) -> tuple[str, ...]:
    """A list of names."""
    return tuple(_items(value))


@_kind("a readable file, or nothing")
def file(value: object) -> Path | None:
    """A file that can be read, or nothing."""
    path = value if isinstance(value, Path) else _text(value) if value else ""
    if path == "":
        return None
    try:
        with Path(path).open("rb"):
            return Path(path)
    except (OSError, ValueError) as error:
        raise Refused(f"it cannot be read ({getattr(error, 'strerror', error)})") from error
