"""Listeners of OpenKilda of 2025: told of connections, and of a sync by a switch's master alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter.core.shard import Shard
from flrouter.core.values import peers
from flrouter.core.values.effects import Send
from flrouter.core.values.inputs import Told
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from flrouter.messages.forms.notifications import with_dump_id
from tests.core.test_several_topics import SWITCH, Alone
from tests.openkilda.schemas import faults

DISCO = "kilda.topo.disco.storm"
RECORD = {
    "datapath": SWITCH,
    "switch-socket": {"address": "10.0.0.9", "port": 41000},
    "speaker-socket": {"address": "10.0.0.1", "port": 6653},
    "OF-version": "OF_13",
}
CONNECT, DISCONNECT, AVAILABILITY = (
    "SwitchConnectNotification",
    "SwitchDisconnectNotification",
    "SwitchAvailabilityUpdateNotification",
)
DUMP = "NetworkDumpSwitchData"


class Router(Alone):
    """A router of one shard with two FLs, of which none has told of a switch yet."""

    def __init__(self) -> None:
        super().__init__()
        self.event("fl-1", "REMOVED")
        self.decide(Told(peers.AddFloodlight("fl-2", False)))
        self.pass_time(self.rules.sync_timeout + 1)
        self.sends.clear()

    def pass_time(self, ms: int, silent: str = "") -> None:
        """Let it look now and then, while its FLs say that they are there; one may not."""
        until = self.now + ms
        while self.now < until:
            self.now = min(self.now + 500, until)
            self.decide()
            for send in [send for send in self.sends if kind(send) == "AliveRequest"]:
                self.sends.remove(send)
                floodlight = send.topic.rpartition("_")[2]
                asked = decode(send.value or b"").correlation_id or ""
                if floodlight != silent:
                    alive = build.alive_response(asked, floodlight, 0, self.now)
                    self.hear(alive, floodlight=floodlight)

    def event(self, floodlight: str, state: str, *, with_record: bool = True) -> None:
        """An FL says that it has the switch, or has it no longer."""
        payload: dict[str, Any] = {
            "clazz": names.SWITCH_EVENT,
            "switch_id": SWITCH,
            "state": state,
        }
        if with_record and state in ("ACTIVATED", "ADDED"):
            payload["switch"] = RECORD
        message = build.message(names.INFO, payload, "event", self.now)
        self.hear(message, floodlight=floodlight)

    def port(self, floodlight: str) -> None:
        """An FL says something else of the switch."""
        payload = {"clazz": names.PORT_EVENT, "switch_id": SWITCH, "port_no": 1, "state": "UP"}
        message = build.message(names.INFO, payload, "event", self.now)
        self.hear(message, floodlight=floodlight)

    def sync(self, floodlight: str, *write_modes: bool) -> None:
        """An FL is asked for a sync, and lists the switch, or does not; and that is all."""
        self.decide(Told(peers.SyncWanted(floodlight, peers.OWN_SYNC)))
        self.answer_sync(floodlight, *write_modes)
        self.pass_time(max(self.rules.sync_quiet, self.rules.sync_timeout) + 1_000)

    def answer_sync(self, floodlight: str, *write_modes: bool) -> None:
        """An FL lists the switch as whose master it has it, or not; or does not list it."""
        topic = f"kilda.speaker.disco_{floodlight}"
        [asked] = [
            send
            for send in self.sends
            if send.topic == topic and kind(send) == "NetworkCommandData"
        ]
        self.sends.remove(asked)
        for write_mode in write_modes:
            payload = {
                "clazz": names.DUMP_SWITCH,
                "switch_record": RECORD,
                "dump_id": said(asked)["dump_id"],
                "write_mode": write_mode,
            }
            message = build.message(names.INFO, payload, "dump", self.now)
            self.hear(message, floodlight=floodlight)

    def successor(self) -> Shard:
        """Who takes the shard over, if what is in its tables now is all that was kept."""
        successor = Shard(0, self.rules, self.shard.context.catalog)
        for table in self.shard.context.tables:
            for key, row in table.items():
                kept = msgspec.msgpack.decode(msgspec.msgpack.encode(row), type=type(row))
                getattr(successor.context, table.name)[key] = kept
        successor.restored(self.now)
        return successor

    def told(self) -> list[dict[str, Any]]:
        """What listeners were told since the last look, all of it as OpenKilda's classes want."""
        notices = [send for send in self.sends if send.topic == DISCO]
        self.sends = [send for send in self.sends if send.topic != DISCO]
        for send in notices:
            if send.value is not None and kind(send) != "PortInfoData":
                assert faults("HEAD", msgspec.json.decode(send.value)) == []
            assert send.key == SWITCH.encode()
        return [{**said(send), "kind": kind(send)} for send in notices]


def said(send: Send) -> dict[str, Any]:
    """The payload of a record."""
    payload: dict[str, Any] = msgspec.json.decode(send.value or b"")["payload"]
    return payload


def kind(send: Send) -> str:
    """Its class, without the package."""
    return decode(send.value or b"").kind.rpartition(".")[2]


def connections(notice: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """FL → its mode, whether it is master."""
    return {
        entry["regionName"]: (entry["connectMode"], entry["master"])
        for entry in notice["availabilityData"]["connections"]
    }


def test_a_switch_comes_step_by_step_and_goes() -> None:
    """A connection that may only read, a master, no master again, no connection."""
    router = Router()
    steps = [
        ("ADDED", AVAILABILITY, {"fl-1": ("READ_ONLY", False)}),
        ("ACTIVATED", CONNECT, {"fl-1": ("READ_WRITE", True)}),
        ("DEACTIVATED", DISCONNECT, {"fl-1": ("READ_ONLY", False)}),
        ("REMOVED", AVAILABILITY, {}),
    ]
    for state, notice, connected in steps:
        router.event("fl-1", state)
        [told] = router.told()  # and never the event itself
        assert told["kind"] == notice
        assert connections(told) == connected
        if notice == CONNECT:
            assert told["speakerData"] == RECORD
            [entry] = told["availabilityData"]["connections"]
            assert entry["switchAddress"] == RECORD["switch-socket"]
            assert entry["speakerAddress"] == RECORD["speaker-socket"]
            assert entry["connectedAt"] == router.now / 1000
        if notice == DISCONNECT:
            assert told["regionOffline"] is False


def test_what_is_known_is_not_told_again() -> None:
    """An event that is read twice, a sync that says the same; but its record is passed on."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.told()
    router.event("fl-1", "ACTIVATED")
    assert router.told() == []
    router.sync("fl-1", True)
    assert [notice["kind"] for notice in router.told()] == [DUMP]


def test_the_second_master_is_no_news_but_that_it_is_there() -> None:
    """When the first one goes the second takes over, and the switch is never gone."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.event("fl-2", "ACTIVATED")
    first, second = router.told()
    assert (first["kind"], second["kind"]) == (CONNECT, AVAILABILITY)
    assert connections(second) == {"fl-1": ("READ_WRITE", True), "fl-2": ("READ_WRITE", False)}
    router.event("fl-1", "DEACTIVATED")
    [told] = router.told()
    assert told["kind"] == AVAILABILITY
    assert connections(told) == {"fl-1": ("READ_ONLY", False), "fl-2": ("READ_WRITE", True)}


def test_an_operator_moves_a_switch() -> None:
    """Who is master is news."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.event("fl-2", "ACTIVATED")
    router.told()
    router.decide(Told(peers.MoveSwitch(SWITCH, "fl-2")))
    [told] = router.told()
    assert connections(told) == {"fl-1": ("READ_WRITE", False), "fl-2": ("READ_WRITE", True)}


def test_an_outage_and_a_return() -> None:
    """The switch is gone because its region is; with the first sync after that it is back."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.event("fl-2", "ADDED")
    router.told()
    router.pass_time(router.rules.alive_timeout + 2_000, silent="fl-1")
    [told] = router.told()
    assert told["kind"] == DISCONNECT
    assert told["regionOffline"] is True
    assert router.counts["unmanaged", "fl-1"] == 1
    assert connections(told) == {"fl-2": ("READ_ONLY", False)}
    router.pass_time(2_000)
    assert router.told() == []  # nobody could say how it is
    router.answer_sync("fl-1", True)
    back, dump = router.told()
    assert (back["kind"], dump["kind"]) == (CONNECT, DUMP)
    assert connections(back) == {"fl-1": ("READ_WRITE", True), "fl-2": ("READ_ONLY", False)}


def test_a_removed_floodlight() -> None:
    """Its connections are gone like those of one in outage."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.told()
    router.decide(Told(peers.RemoveFloodlight("fl-1")))
    [told] = router.told()
    assert (told["kind"], told["regionOffline"]) == (DISCONNECT, True)
    assert connections(told) == {}


def test_a_sync_says_who_is_master() -> None:
    """And what it does not list is gone. Only the master's record is passed on."""
    router = Router()
    router.sync("fl-2", False)
    [told] = router.told()
    assert told["kind"] == AVAILABILITY
    router.sync("fl-1", True)
    assert [notice["kind"] for notice in router.told()] == [CONNECT, DUMP]
    router.sync("fl-1")
    [told] = router.told()
    assert (told["kind"], told["regionOffline"]) == (DISCONNECT, False)
    assert router.counts["offline", "fl-1"] == 1
    assert connections(told) == {"fl-2": ("READ_ONLY", False)}


def test_a_master_that_nobody_described_is_told_with_its_first_record() -> None:
    """An FL names a switch of which it has not told: it is asked for a sync at once."""
    router = Router()
    router.port("fl-1")
    assert [notice["kind"] for notice in router.told()] == ["PortInfoData"]
    router.port("fl-1")
    router.answer_sync("fl-1", True)
    assert [notice["kind"] for notice in router.told()] == ["PortInfoData", CONNECT, DUMP]


def test_a_switch_that_is_named_after_the_list_was_made_is_in_the_next_one() -> None:
    """The sync that runs serves nobody who asks so late; one more is asked for when it is over."""
    router = Router()
    router.decide(Told(peers.SyncWanted("fl-1", peers.OWN_SYNC)))
    router.answer_sync("fl-1")
    router.port("fl-1")
    router.pass_time(max(router.rules.sync_quiet, router.rules.sync_timeout) + 1_000)
    assert [notice["kind"] for notice in router.told()] == ["PortInfoData"]
    router.answer_sync("fl-1", True)
    assert [notice["kind"] for notice in router.told()] == [CONNECT, DUMP]
    router.pass_time(max(router.rules.sync_quiet, router.rules.sync_timeout) + 1_000)
    assert "NetworkCommandData" not in [kind(send) for send in router.sends]


def test_other_events_come_from_the_master_alone() -> None:
    """As ever."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.event("fl-2", "ADDED")
    router.told()
    router.port("fl-2")
    assert router.told() == []
    router.port("fl-1")
    assert [notice["kind"] for notice in router.told()] == ["PortInfoData"]


def test_what_was_told_is_kept() -> None:
    """Who takes the shard over tells nothing again, and misses nothing."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.told()
    router.shard = router.successor()
    router.event("fl-1", "ACTIVATED")
    assert router.told() == []
    router.event("fl-1", "REMOVED")
    assert [notice["kind"] for notice in router.told()] == [DISCONNECT]


def test_a_master_of_which_nothing_was_kept() -> None:
    """Its owner told of it and was killed: whoever follows tells once that the switch has none."""
    router = Router()
    router.event("fl-1", "ADDED")
    successor = router.successor()
    router.event("fl-1", "ACTIVATED")
    assert [notice["kind"] for notice in router.told()] == [AVAILABILITY, CONNECT]
    router.shard = successor
    router.event("fl-2", "ADDED")
    [told] = router.told()
    assert (told["kind"], told["regionOffline"]) == (DISCONNECT, False)
    assert connections(told).keys() == {"fl-1", "fl-2"}
    router.event("fl-1", "REMOVED")
    assert [notice["kind"] for notice in router.told()] == [AVAILABILITY]


def test_an_outage_of_whoever_may_only_read() -> None:
    """After a takeover too it is not why the switch has no master."""
    router = Router()
    router.event("fl-1", "ADDED")
    router.told()
    router.shard = router.successor()
    router.pass_time(5 * router.rules.alive_timeout, silent="fl-1")
    [told] = router.told()
    assert (told["kind"], told["regionOffline"]) == (DISCONNECT, False)
    assert connections(told) == {}


def test_a_record_goes_out_under_the_id_of_who_asked() -> None:
    """And what nobody asked for, under none: OpenKilda takes for gone what a few ids miss."""
    router = Router()
    router.event("fl-1", "ACTIVATED")
    router.event("fl-2", "ADDED")
    router.told()
    router.sync("fl-1", True)
    [own] = router.told()
    assert own["dump_id"] is None
    router.ask("kilda.speaker.disco.storm", "discovery.NetworkCommandData")
    router.answer_sync("fl-2", False)
    router.answer_sync("fl-1", True)
    [asked] = router.told()
    assert asked["dump_id"] == "op"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'{"payload":{"a":1,"dump_id":"x","b":2}}', b'{"payload":{"a":1,"dump_id":"op","b":2}}'),
        (b'{"dump_id":"x","payload":{"a":{"dump_id":"x"}}}', None),
        (b'{"payload":{"dump_id":1,"dump_id" :2}}', b'{"payload":{"dump_id":1,"dump_id" :"op"}}'),
    ],
)
def test_nothing_else_of_a_record_changes(before: bytes, after: bytes | None) -> None:
    """It stands in the payload, and of two with one name the last counts."""
    assert with_dump_id(before, "op") == (before if after is None else after)
