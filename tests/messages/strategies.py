"""Messages as hypothesis makes them: odd but valid JSON, and bytes that are no message any more."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import strategies as st

SAMPLES = {
    path.name: path.read_bytes()
    for path in sorted((Path(__file__).parent.parent / "samples").glob("*.json"))
}

#: any text that UTF-8 can hold.
texts = st.text(st.characters(codec="utf-8"), max_size=20)
spaces = st.text(" \t\r\n", max_size=2)
#: half a surrogate pair is legal where it is escaped.
halves = st.sampled_from([r'"\ud800"', r'"\uDC00"', r'"\\\udbff\ud83d\ude00\uD83D"'])
numbers = st.sampled_from(["0", "-0", "1.0", "1e5", "1E-2", "10000000000000000000000", "1e999"])


def _escaped(text: str) -> str:
    """A JSON string in which every character is spelled as an escape."""
    units = text.encode("utf-16-be")
    return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'


def spellings(text: str) -> st.SearchStrategy[str]:
    """The ways in which JSON may write the string `text`."""
    plain = json.dumps(text, ensure_ascii=False)
    return st.sampled_from([plain, plain, json.dumps(text), _escaped(text)])


@st.composite
def spaced(draw: st.DrawFn, text: st.SearchStrategy[str]) -> str:
    """JSON with odd whitespace around it."""
    return draw(spaces) + draw(text) + draw(spaces)


def _object(members: st.SearchStrategy[list[tuple[str, str]]]) -> st.SearchStrategy[str]:
    """An object of members that are already spelled."""
    return members.map(lambda pairs: "{" + ",".join(f"{key}:{value}" for key, value in pairs) + "}")


def _values(tricky: list[str]) -> st.SearchStrategy[str]:
    """Any JSON value; strings and keys are often one of `tricky`."""
    strings = (st.sampled_from(tricky) | texts).flatmap(spellings)
    return st.recursive(
        st.sampled_from(["null", "true", "false"]) | numbers | strings | halves,
        lambda inner: (
            st.lists(spaced(inner), max_size=3).map(lambda items: f"[{','.join(items)}]")
            | _object(st.lists(st.tuples(spaced(strings), spaced(inner)), max_size=3))
        ),
        max_leaves=6,
    )


#: top-level names with a meaning, which unknown members must not have.
KNOWN = {
    "clazz",
    "correlation_id",
    "destination",
    "message_id",
    "next_request_id",
    "payload",
    "reply_to",
    "timestamp",
    "total_messages",
}
_PAYLOAD = {"clazz", "switch_id"}


@st.composite
def _members(draw: st.DrawFn, tricky: list[str], avoid: set[str]) -> list[tuple[str, str]]:
    """Members whose names are none of `avoid`, in odd spellings; some names occur twice."""
    names = draw(
        st.lists(
            (st.sampled_from(tricky) | texts).filter(lambda name: name not in avoid),
            unique=True,
            max_size=4,
        )
    )
    names += draw(st.lists(st.sampled_from(names), max_size=1)) if names else []
    value = _values(tricky)
    return [(draw(spellings(name)), draw(spaced(value))) for name in names]


@st.composite
def messages(draw: st.DrawFn, correlation_id: str | None) -> bytes:
    """A message that is legal in an unfriendly way: its id and names of fields stand all over it.

    Args:
        correlation_id: None for a message whose id is null or missing.
    """
    known = correlation_id or "nobody"
    tricky = [
        known,
        "correlation_id",
        "message_id",
        f'"correlation_id":"{known}"',
        f'"correlation_id": {json.dumps(known)}',
        f"0 : {known}",
        "correlation_id\\",
    ]
    payload = draw(_members(tricky, _PAYLOAD))
    payload.append(('"clazz"', '"org.openkilda.messaging.command.flow.RemoveFlow"'))
    members = draw(_members(tricky, KNOWN))
    members += [
        (draw(spellings("clazz")), '"org.openkilda.messaging.command.CommandMessage"'),
        (draw(spellings("payload")), draw(_object(st.just(payload)))),
    ]
    if correlation_id is not None:
        spelled = draw(spellings(correlation_id))
        members.append((draw(spellings("correlation_id")), draw(spaced(st.just(spelled)))))
    elif draw(st.booleans()):
        members.append(('"correlation_id"', "null"))
    message_id = draw(st.none() | st.just(f"7 : {known}") | st.just(f"7 : 7{known}") | texts)
    if message_id is not None:
        members.append((draw(spellings("message_id")), draw(spellings(message_id))))
    return draw(spaced(_object(st.permutations(members)))).encode()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A sample with some bytes cut out, flipped or put in."""
    data = bytearray(draw(st.sampled_from(list(SAMPLES.values()))))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["cut", "end", "flip", "insert", "nest"])):
            case "cut":
                del data[at : at + draw(st.integers(1, 30))]
            case "end":
                del data[at:]
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "nest":
                data[at:at] = draw(st.sampled_from([b"[", b"{", b'{"a":'])) * draw(
                    st.sampled_from([1, 900, 1000, 50_000])
                )
            case _:
                data[at:at] = draw(st.binary(min_size=1, max_size=10))
    return bytes(data)
