"""Kinds of one's own: the examples of docs/message-kinds.md, and what the catalog's fields do."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flrouter.messages import names
from flrouter.messages.assembly import Entry
from flrouter.messages.forms import build

from .floodlight import SILENT
from .gathered import SWITCHES, entries, holding, outcome
from .world import World

DOCS = Path(__file__).parents[2] / "docs" / "message-kinds.md"


def examples(language: str) -> list[bytes]:
    """The blocks of the page that are in a language."""
    pattern = rf"^```{language}\n(.*?)^```$"
    return [
        block.encode()
        for block in re.findall(pattern, DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    ]


@pytest.fixture
def documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """A router with the page's catalog and the page's assembler; two FLs that hold back."""
    [code] = examples("python")
    (tmp_path / "acme_answers.py").write_bytes(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    [catalog] = examples("toml")
    world = holding("fl-1", "fl-2", extra=catalog)
    for floodlight in world.floodlights.values():
        floodlight.alive = False  # the test answers for them
    return world


def answer_each(world: World, payloads: dict[str, bytes]) -> list[Any]:
    """Each FL answers the command that lies there; returns what they were sent."""
    world.run()
    sent = []
    for name, payload in payloads.items():
        floodlight = world.floodlights[name]
        floodlight.alive = True
        [record] = [each for each in floodlight.waiting() if b"acme." in each.value]
        sent.append(record.json["payload"])
        cid = record.json["correlation_id"]
        data = build.message(names.INFO, msgspec.Raw(payload), cid, world.now)
        floodlight.write(data, cid)
    world.run()
    return sent


def test_the_example_of_one_switch(documented: World) -> None:
    """Its id stands elsewhere, and a topic of its own answers."""
    documented.ask(None, clazz="acme.CountPackets", target={"id": "0x1"})
    sent = answer_each(documented, {"fl-1": b'{"clazz":"acme.Counters","packets":3}'})
    assert sent == [{"clazz": "acme.CountPackets", "target": {"id": "0x1"}}]
    [record] = documented.seen("acme.answers")
    assert record.json["payload"]["packets"] == 3


def test_the_example_of_several_switches(documented: World) -> None:
    """The page shows what is sent, what each FL gets, and what is answered."""
    command, each, answer = map(json.loads, examples("json"))
    data = json.dumps(command).encode()
    documented.ask_raw(data, "count-1", "acme.answers")
    first, second = (json.dumps(entry["payload"]).encode() for entry in answer["results"])
    sent = answer_each(documented, {"fl-1": first, "fl-2": second})
    assert sent == [each, {**each, "switch_id": SWITCHES[1]}]
    [record] = documented.seen("acme.answers")
    assert record.json["correlation_id"] == "count-1"
    assert record.json["payload"] == answer


def test_the_example_of_every_floodlight(documented: World) -> None:
    """With the page's own assembler."""
    documented.ask(None, clazz="acme.VersionRequest")
    answer_each(documented, {"fl-1": b'{"version":"1.2"}', "fl-2": b'{"version":"1.3"}'})
    [record] = documented.seen("acme.answers")
    expected = {"clazz": "acme.Versions", "versions": {"fl-1": "1.2", "fl-2": "1.3"}}
    assert record.json["payload"] == expected


@pytest.mark.parametrize(
    ("enough", "lost", "ok"),
    [("1", 1, True), ("1", 2, False), ("2", 1, False), ('"all"', 0, True), ('"all"', 1, False)],
)
def test_how_many_must_succeed(enough: str, lost: int, *, ok: bool) -> None:
    """With fewer the answer is an error that tells of those that failed."""
    entry = (
        "[[command]]\nkind='x.Many'\nscope='switches'\neach='x.Dump'\nanswer='my'"
        f"\nmin_success={enough}"
    )
    world = holding("fl-1", extra=entry.encode())
    world.ask(None, clazz="x.Many", switch_ids=[*SWITCHES[: 2 - lost], *["fe", "ff"][:lost]])
    world.run()
    [record] = world.seen("my")
    assert record.json["clazz"] == (names.INFO if ok else names.ERROR)
    if not ok:
        assert f"{lost} of 2 failed" in record.json["payload"]["error-message"]


def test_no_success_may_be_enough() -> None:
    """An answer that lists nothing but failures, for those who want to read them."""
    entry = (
        b"[[command]]\nkind='x.Many'\nscope='switches'\neach='x.Dump'\nanswer='my'\nmin_success=0"
    )
    world = holding("fl-1", extra=entry)
    world.ask(None, clazz="x.Many", switch_ids=["fe", "ff"])
    world.run()
    results = entries(world.seen("my"))
    assert [outcome(entry) for entry in results] == ["NOT_FOUND"] * 2


def test_a_kind_may_have_a_deadline() -> None:
    """Shorter than any timeout of one switch; its parts end with it."""
    entry = (
        b"[[command]]\nkind='x.Many'\nscope='switches'\neach='x.Dump'\nanswer='my'\ndeadline=0.5"
    )
    world = holding("fl-1", "fl-2", extra=entry)
    world.floodlights["fl-1"].usual = SILENT
    world.ask(None, clazz="x.Many", switch_ids=SWITCHES[:2])
    world.run()
    world.pass_time(800, grain=100)
    results = entries(world.seen("my"))
    assert [outcome(entry) for entry in results] == ["OPERATION_TIMED_OUT", "ok"]


def raises(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """Stands for an assembler with a bug."""
    raise ZeroDivisionError("a bug")


def gives_nothing(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """... that gives no payload."""
    return []


def gives_too_much(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """... that does not care how much goes into a message."""
    return [b"{%b}" % (b" " * room)]


def gives_no_json(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """... whose payload is none."""
    return [b"[]"]


def gives_two(entries: Sequence[Entry], room: int) -> Sequence[bytes]:
    """One that answers with a chain."""
    return [b'{"clazz":"x.Y","n":%d}' % number for number in range(len(entries))]


@pytest.mark.parametrize("name", ["raises", "gives_nothing", "gives_too_much", "gives_no_json"])
def test_a_bad_assembler_costs_no_answer(name: str) -> None:
    """The requester is told, and the log says what went wrong."""
    entry = (
        "[[command]]\nkind='x.Many'\nscope='switches'\neach='x.Dump'\nanswer='my'"
        f"\nassemble='{__name__}:{name}'"
    )
    world = holding("fl-1", extra=entry.encode())
    world.ask(None, clazz="x.Many", switch_ids=SWITCHES[:2])
    world.run()
    [record] = world.seen("my")
    assert record.json["payload"]["error-type"] == "INTERNAL_ERROR"
    assert any(name in note for _, note in world.notes)


def test_an_assembler_may_answer_with_a_chain() -> None:
    """Two payloads are two links."""
    entry = (
        "[[command]]\nkind='x.Many'\nscope='switches'\neach='x.Dump'\nanswer='my'"
        f"\nassemble='{__name__}:gives_two'"
    )
    world = holding("fl-1", extra=entry.encode())
    world.ask(None, clazz="x.Many", switch_ids=SWITCHES[:2])
    world.run()
    links = [record.json for record in world.seen("my")]
    assert [link["message_id"] for link in links] == ["0 : op", "1 : op"]
    assert [link["payload"]["n"] for link in links] == [0, 1]
