"""Syncs of FLs that do not say where their list of switches ends, or list them as RO and RW."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter import profiles
from flrouter.core.values.records import Mode
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from tests.core.test_several_topics import SWITCH, Alone, payload

OTHER = "00:00:00:00:00:00:00:0a"
DISCO = "kilda.topo.disco.storm"


class Router(Alone):
    """A router of one shard, whose FL is asked to list its switches."""

    def __init__(self, profile: str) -> None:
        super().__init__(profiles.load(profile))
        self.quiet = self.rules.sync_quiet
        event = {
            "clazz": names.SWITCH_EVENT,
            "switch_id": SWITCH,
            "state": "ACTIVATED",
            "switch": {"datapath": SWITCH},
        }
        self.hear(build.message(names.INFO, event, "event", self.now))
        self.pass_time(self.rules.sync_timeout + 1)
        self.forget()

    def forget(self) -> None:
        """What it wrote so far."""
        self.sends.clear()

    def pass_time(self, ms: int) -> None:
        """Let it look now and then, while its FL says that it is there."""
        until = self.now + ms
        while self.now < until:
            self.now = min(self.now + 500, until)
            self.decide()
            for send in self.sends:
                if send.value and decode(send.value).kind == names.ALIVE_REQUEST:
                    asked = decode(send.value).correlation_id or ""
                    self.hear(build.alive_response(asked, "fl-1", 0, self.now))
            self.sends = [
                send
                for send in self.sends
                if not send.value or decode(send.value).kind != names.ALIVE_REQUEST
            ]

    def sync(self) -> dict[str, Any]:
        """A requester asks for a sync; what the FL is asked."""
        self.ask("kilda.speaker.disco.storm", "discovery.NetworkCommandData")
        wanted = [send.value or b"" for send in self.sends]
        [asked] = [value for value in wanted if decode(value).kind == names.SYNC_REQUEST]
        self.forget()
        request: dict[str, Any] = msgspec.json.decode(asked)
        return request

    def dump(self, switch: str, asked: dict[str, Any], **more: Any) -> None:
        """The FL of 2025 lists a switch, under an id that it makes up."""
        listed = {
            "clazz": names.DUMP_SWITCH,
            "switch_record": {"datapath": switch},
            "dump_id": asked["payload"]["dump_id"],
            **more,
        }
        self.hear(build.message(names.INFO, listed, f"dump {switch}", self.now))

    def link(self, switch: str, asked: dict[str, Any], index: int, total: int) -> None:
        """The FL of 2019 lists a switch in a chain."""
        listed = {"clazz": names.DUMP_SWITCH, "switch_record": {"datapath": switch}}
        self.hear(build.chunk(listed, asked["correlation_id"], index, total, self.now))

    @property
    def running(self) -> bool:
        """Whether the sync is not over."""
        return bool(self.shard.context.floodlights["fl-1"].syncing)

    def mode(self, switch: str) -> Mode | None:
        """How the FL holds a switch, as far as the router knows."""
        known = self.shard.context.switches.get(switch)
        holder = known.holders.get("fl-1") if known is not None else None
        return holder.mode if holder is not None else None

    def told(self) -> list[str]:
        """The kinds of what listeners were told."""
        kinds = [decode(send.value or b"").kind for send in self.sends if send.topic == DISCO]
        return [kind.rpartition(".")[2] for kind in kinds]


def test_records_belong_to_a_sync_by_their_dump_id() -> None:
    """They go to the listeners as they are, and the sync is over when no more come."""
    router = Router("openkilda")
    asked = router.sync()
    router.dump(SWITCH, asked, write_mode=True)
    router.pass_time(router.quiet - 1_000)
    router.dump(OTHER, asked, write_mode=True)
    router.pass_time(router.quiet - 1_000)
    assert router.running  # each record begins the wait anew
    router.pass_time(2_000)
    assert not router.running
    dumped = "NetworkDumpSwitchData"
    assert router.told() == [dumped, "SwitchConnectNotification", dumped]  # of both, and who is new
    assert router.mode(OTHER) is Mode.RW
    router.ask("kilda.speaker.storm", "switches.DumpRulesRequest", switch_id=OTHER)
    assert router.last().topic == "kilda.speaker_fl-1"


def test_what_a_dump_does_not_list_is_gone() -> None:
    """As with a chain, and not before its end."""
    router = Router("openkilda")
    router.dump(OTHER, router.sync(), write_mode=True)
    assert router.mode(SWITCH) is Mode.RW
    router.pass_time(router.quiet + 1_000)
    assert router.mode(SWITCH) is None


def test_a_dump_says_who_is_master() -> None:
    """Commands go only where a switch is RW."""
    router = Router("openkilda")
    asked = router.sync()
    router.dump(SWITCH, asked, write_mode=False)
    router.dump(OTHER, asked, write_mode=False)
    router.pass_time(router.quiet + 1_000)
    assert (router.mode(SWITCH), router.mode(OTHER)) == (Mode.RO, Mode.RO)
    router.ask("kilda.speaker.storm", "switches.DumpRulesRequest", switch_id=SWITCH)
    assert payload(router.last())["error-type"] == "NOT_FOUND"


def test_a_live_event_wins_over_what_a_dump_says_of_the_mode() -> None:
    """It is newer, whichever comes first."""
    router = Router("openkilda")
    asked = router.sync()
    router.hear(build.switch_event(SWITCH, "ACTIVATED", "event", router.now))
    router.dump(SWITCH, asked, write_mode=False)
    router.pass_time(router.quiet + 1_000)
    assert router.mode(SWITCH) is Mode.RW


@pytest.mark.parametrize("mode", [None, "true", 0])
def test_a_dump_that_does_not_say_it_leaves_it_as_it_is(mode: object) -> None:
    """FLs of 2019 list masters only."""
    router = Router("openkilda")
    router.hear(build.switch_event(SWITCH, "ADDED", "event", router.now))
    router.dump(SWITCH, router.sync(), write_mode=mode)
    router.pass_time(router.quiet + 1_000)
    assert router.mode(SWITCH) is Mode.RO


@pytest.mark.parametrize(("profile", "chains"), [("openkilda-2019", 1), ("openkilda", 0)])
def test_an_fl_without_switches_says_nothing(profile: str, chains: int) -> None:
    """Its sync is over then; who asked gets the chain without links, where syncs are chains."""
    router = Router(profile)
    router.sync()
    # A large FL takes a while to begin: so far all of its switches may yet be listed.
    router.pass_time(router.rules.sync_timeout - 1_000)
    assert router.running
    assert router.mode(SWITCH) is Mode.RW
    router.pass_time(2_000)
    assert not router.running
    assert router.mode(SWITCH) is None
    envelopes = [decode(send.value or b"") for send in router.sends if send.topic == DISCO]
    empty = [envelope for envelope in envelopes if envelope.clazz == names.CHUNK]
    assert len(empty) == chains
    for chain in empty:
        assert chain.total_messages == 0
        assert (chain.correlation_id or "").startswith("op~")


def test_a_whole_chain_ends_at_once() -> None:
    """There is nothing to wait for."""
    router = Router("openkilda-2019")
    asked = router.sync()
    router.link(OTHER, asked, 1, 2)
    router.link(SWITCH, asked, 0, 2)
    assert not router.running


def test_a_chain_with_a_gap_ends_in_silence() -> None:
    """A switch that an FL of 2019 could not read is not in it, and never will be."""
    router = Router("openkilda-2019")
    router.link(OTHER, router.sync(), 1, 2)
    assert router.running
    router.pass_time(router.quiet + 1_000)
    assert not router.running
    assert (router.mode(OTHER), router.mode(SWITCH)) == (Mode.RW, None)


def test_silence_is_no_end_for_fls_that_say_it_themselves() -> None:
    """A chain that stops is asked for again."""
    router = Alone(profiles.load("plain"))
    router.now += router.rules.sync_timeout + 1
    router.decide()
    router.decide()
    assert router.shard.context.floodlights["fl-1"].synced is False
