"""What messages say of switches and ports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from flrouter.messages import names
from flrouter.messages.forms import build, notifications
from flrouter.network.reading import listed_in, news_of
from flrouter.network.view import Link, News, State

from .forms import dump

SAMPLES = Path(__file__).parent.parent / "samples"
ONE = "00:00:00:00:00:00:00:01"


def sample(file: str) -> bytes:
    """One of OpenKilda's messages."""
    return (SAMPLES / file).read_bytes()


def payload(file: str) -> bytes:
    """The payload of one of them."""
    return msgspec.json.encode(msgspec.json.decode(sample(file))["payload"])


def test_a_switch_that_connects_brings_its_ports() -> None:
    """All that it has."""
    ports = {1: Link.UP, 2: Link.DOWN}
    expected = News(7, State.ONLINE, ports, all_ports=True)
    assert news_of(sample("D18-switch-info-activated.json"), 7) == (ONE, expected)
    older = news_of(sample("26-switch-info-activated.json"), 7)
    assert older is not None
    assert older[1] == News(7, State.ONLINE)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ACTIVATED", State.ONLINE),
        ("ADDED", State.ONLINE),
        ("CHANGED", State.ONLINE),
        ("DEACTIVATED", State.OFFLINE),
        ("REMOVED", State.OFFLINE),
    ],
)
def test_switch_events(state: str, expected: State) -> None:
    """Those that say that it is there, and those that say that it is not."""
    assert news_of(build.switch_event("1", state, "x", 0), 7) == (ONE, News(7, expected))


def test_notifications_and_port_events() -> None:
    """Unmanaged; a port up, down and taken away."""
    assert news_of(build.unmanaged(ONE, "x", 0), 7) == (ONE, News(7, State.UNMANAGED))
    assert news_of(sample("D17-port-info-up.json"), 7) == (ONE, News(7, ports={1: Link.UP}))
    gone = sample("D17-port-info-up.json").replace(b"UP", b"DELETE")
    assert news_of(gone, 7) == (ONE, News(7, ports={1: Link.GONE}))


def test_notifications_of_who_is_connected() -> None:
    """As OpenKilda of 2025 is told: a master, none, none because its FL is silent, another list."""
    record = b'{"datapath":"%s","ports":[{"number":1,"state":"UP"}]}' % ONE.encode()
    at = [notifications.connection("fl-1", writes=True, master=True, since=1)]

    def told(notice: dict[str, Any]) -> tuple[str, News] | None:
        return news_of(notifications.message(notice, "x", 0), 7)

    online = News(7, State.ONLINE, {1: Link.UP}, all_ports=True)
    assert told(notifications.connect(record, at)) == (ONE, online)
    assert told(notifications.connect(b"null", at)) is None
    gone = notifications.disconnect(ONE, [], region_offline=False)
    assert told(gone) == (ONE, News(7, State.OFFLINE))
    silent = notifications.disconnect(ONE, [], region_offline=True)
    assert told(silent) == (ONE, News(7, State.UNMANAGED))
    assert told(notifications.availability(ONE, at)) is None


def test_a_record_of_a_sync_that_has_no_end() -> None:
    """It lists its switch by itself; one of a dump between two markers waits for the end."""
    framed = sample("D08-network-dump-switch-2018.json")
    assert news_of(framed, 7) is None
    entry = {"clazz": names.DUMP_SWITCH, **dump("1", {2: "DOWN"}), "dump_id": None}
    alone = build.message(names.INFO, entry, "x", 0)
    listed = News(7, State.ONLINE, {2: Link.DOWN}, all_ports=True, listed=True)
    assert news_of(alone, 7) == (ONE, listed)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"payload":null}',
        b'{"payload":{"clazz":7}}',
        b'{"payload":{"clazz":"x","switch_id":"9"}}',
        build.switch_event("no switch", "ACTIVATED", "x", 0),
        sample("D17-port-info-up.json").replace(b"UP", b"OTHER_UPDATE"),
        sample("17-isl-info-legacy.json"),
        sample("28-isl-info-two-switch.json"),
        sample("35-error-not-found.json"),
    ],
)
def test_all_else_says_nothing(data: bytes) -> None:
    """Other kinds, and what nobody can read."""
    assert news_of(data, 7) is None


def test_ports_that_cannot_be_read_do_not_hide_the_switch() -> None:
    """It is there, whatever may be wrong with the rest."""
    data = sample("D18-switch-info-activated.json").replace(b'"number"', b'"no number"')
    assert news_of(data, 7) == (ONE, News(7, State.ONLINE))


def test_the_entries_of_a_sync() -> None:
    """The newer form has a switch's ports within; of the older one they stand beside it."""
    newer = [payload("D05-network-dump-chunk-0-of-2.json")]
    ports = {1: Link.UP, 2: Link.DOWN}
    assert listed_in(newer, 7) == {ONE: News(7, State.ONLINE, ports, True, True)}
    older = [payload(f"D0{file}-2018.json") for file in ("8-network-dump-switch",)]
    assert listed_in(older, 7) == {ONE: News(7, State.ONLINE, listed=True)}
    older.append(payload("D09-network-dump-port-2018.json"))
    assert listed_in(older, 7) == {ONE: News(7, State.ONLINE, {1: Link.UP}, True, True)}
    assert listed_in([], 7) == {}


def test_an_entry_that_cannot_be_read_lists_nothing() -> None:
    """The others do."""
    bad: list[Any] = [{"switch_record": {"datapath": "x"}}, {"switch_record": 1}, {"clazz": 1}, 7]
    entries = [msgspec.json.encode(each) for each in (*bad, dump("1", {2: "DOWN"}))]
    assert listed_in(entries, 7) == {ONE: News(7, State.ONLINE, {2: Link.DOWN}, True, True)}


def test_an_event_of_no_switch() -> None:
    """A port event that names none says nothing."""
    data = build.message(names.INFO, {"clazz": names.PORT_EVENT, "state": "UP"}, "x", 0)
    assert news_of(data, 7) is None
