"""`flrouter dead-letters`: records that could not be used, shown and read once more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.cli.command import typed
from tests.cli.operator import FIRST, Operator
from tests.support.clients import Writer, read_all
from tests.support.plain import INSTALL, Once, command

pytestmark = pytest.mark.broker

once = Once()


def listed(operator: Operator, *arguments: str) -> list[dict[str, Any]]:
    """What `list` says."""
    return list(operator.asks("dead-letters", "list", *arguments))


def letter_of(operator: Operator, name: str) -> dict[str, Any]:
    """The newest one with this correlation id, as soon as there is one."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [row for row in listed(operator) if row["correlation_id"] == name]
        return bool(found)

    operator.requester.until(there, 30, f"a dead letter of {name}")
    return found[-1]


def broken(name: str) -> bytes:
    """What nobody can read, but for its id."""
    return b'{"correlation_id": "%b", ' % name.encode()


def keep(operator: Operator, value: bytes, **said: object) -> str:
    """Have a dead letter of which this is said; what it is called."""
    headers = [(f"flrouter-{name}", str(text).encode()) for name, text in said.items()]
    writer = Writer(operator.deployment.bootstrap)
    headers += [("mine", b"1")]
    topic = operator.deployment.dead_letters
    where = writer.send(topic, value=value, partition=1, headers=headers).get(timeout=30)
    writer.close()
    return f"{where.partition}/{where.offset}"


def fates(operator: Operator, *arguments: str, status: int = 0) -> Mapping[str, str | None]:
    """What `replay` says of each letter: None when it went back."""
    rows = operator.asks("dead-letters", "replay", *arguments, status=status)
    return {row["letter"]: row["error"] for row in rows}


def test_why_and_where_from(operator: Operator) -> None:
    """Of a command and of what an FL wrote; for people and for programs."""
    name, other = once.id(), once.id()
    sent = operator.requester.send(broken(name))
    operator.first.write(broken(other), None, partition=0)
    row = letter_of(operator, name)
    assert row["origin"] == sent.place
    assert row["topic"] == operator.deployment.inbound
    assert (row["value"], row["whole"], row["replayed"]) == (broken(name).decode(), True, False)
    assert row["bytes"] == len(broken(name))
    assert "JSON" in row["reason"] or "truncated" in row["reason"]
    letter_of(operator, other)
    done = operator.types("dead-letters", "list")
    assert (done.exit_code, done.stderr) == (0, "")
    for text in (name, other, sent.place, row["letter"]):
        assert text in done.stdout


def test_filters(operator: Operator) -> None:
    """By topic, reason and age; and the newest of many."""
    name, other = once.id(), once.id()
    operator.requester.send(broken(name))
    letter_of(operator, name)
    topic = operator.deployment.write_topic("fl-1")
    operator.first.write(broken(other), None, partition=0)
    letter_of(operator, other)
    found = listed(operator, "--topic", topic)
    assert {row["topic"] for row in found} == {topic}
    assert found[-1]["correlation_id"] == other
    assert listed(operator, "--reason", "no such reason") == []
    assert other in {row["correlation_id"] for row in listed(operator, "--since", "10m")}
    assert listed(operator, "--since", "1ms") == []
    [newest] = listed(operator, "--limit", "1")
    assert newest["correlation_id"] == other
    done = operator.types("dead-letters", "list", "--limit", "1")
    assert "the newest 1 of " in done.stderr


def test_a_command_is_replayed_once(operator: Operator) -> None:
    """Its FL answers it; it is neither listed as new nor put back again."""
    name = once.id()
    good = command({"clazz": INSTALL, "switch_id": FIRST}, name)
    inbound = operator.deployment.inbound
    letter = keep(operator, good, reason="a catalog without it", topic=inbound)
    assert fates(operator, letter, "--dry-run") == {letter: None}
    done = operator.types("dead-letters", "replay", "--dry-run", "--reason", "A CATALOG")
    assert done.stdout == f"{letter} would go back to {inbound}\n"
    assert letter_of(operator, name)["letter"] == letter
    assert fates(operator, "--reason", "a catalog without it") == {letter: None}
    [answer] = operator.requester.wait(name)
    assert answer.payload == {"clazz": "test.Done"}
    assert letter not in {row["letter"] for row in listed(operator)}
    [row] = [row for row in listed(operator, "--replayed") if row["letter"] == letter]
    assert row["replayed"]
    assert fates(operator, "--reason", "a catalog without it") == {}
    again = operator.types("dead-letters", "replay", letter)
    assert again.exit_code == 1
    assert letter in again.stderr
    records = read_all(operator.deployment.bootstrap, [inbound])
    [record] = [record for record in records if record.value == good]
    assert record.headers == {"mine": b"1"}
    assert record.key == FIRST.encode()


def test_what_is_bad_still_comes_back_as_a_new_letter(operator: Operator) -> None:
    """The old one is done with."""
    name = once.id()
    operator.requester.send(broken(name))
    first = letter_of(operator, name)
    done = operator.types("dead-letters", "replay", first["letter"])
    assert done.stdout == f"{first['letter']} is put back to {first['topic']}\n"
    operator.requester.until(
        lambda: letter_of(operator, name)["letter"] != first["letter"], 30, "the new one"
    )


def test_what_cannot_go_back_stays(operator: Operator) -> None:
    """A head, what the router itself wrote, a topic that is gone; the others go."""
    topic = operator.deployment.write_topic("gone")
    good = command({"clazz": INSTALL, "switch_id": FIRST}, once.id())
    kept = [
        keep(operator, b"{", reason="stays", topic=operator.deployment.inbound, size=70_000),
        keep(operator, b"{", reason="stays", topic=f"{operator.deployment.name}-shards"),
        keep(operator, b"{", reason="stays", topic=topic),
        keep(operator, b"{", reason="stays"),
        keep(operator, good, reason="stays not", topic=operator.deployment.inbound),
    ]
    found = fates(operator, "--reason", "stays", status=1)
    assert list(found) == kept
    said = ("70000 bytes", "no inbound", "no such topic", "no inbound", "None")
    for part, letter in zip(said, kept, strict=True):
        assert part in str(found[letter])
    assert list(fates(operator, "--reason", "stays", status=1)) == kept[:-1]
    done = operator.types("dead-letters", "replay", kept[0])
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{kept[0]} stays: only the head")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ((), 2, "COMMAND"),
        (("replay",), 2, "--all"),
        (("replay", "--dry-run"), 2, "--all"),
        (("list", "--since", "yesterday"), 2, "--since"),
        (("list", "--limit", "0"), 2, "--limit"),
        (("replay", "9/9"), 1, "no 9/9"),
        (("replay", "no/such", "9/9"), 1, "no 9/9, no/such"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be(
    operator: Operator, arguments: Sequence[str], status: int, said: str
) -> None:
    """It says so, and puts nothing back."""
    done = operator.types("dead-letters", *arguments)
    assert done.exit_code == status
    assert said in done.stdout + done.stderr


@pytest.mark.parametrize("what", [("list",), ("replay", "--all")], ids=["list", "replay"])
def test_nobody_to_ask(operator: Operator, what: Sequence[str]) -> None:
    """No broker, and no router of that name: in one line, with the settings to look at."""
    settings = {"broker": "kafka://127.0.0.1:9"}
    for done, said in (
        (typed("dead-letters", *what, settings=settings), "FLROUTER_BROKER"),
        (operator.types("dead-letters", *what, app_id="nobody"), "FLROUTER_APP_ID"),
    ):
        assert done.exit_code == 1
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1
