"""Commands for all switches: each FL gets its own, which names its switches."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flrouter import profiles
from flrouter.core.shard import Shard
from flrouter.core.values import peers
from flrouter.core.values.effects import Send
from flrouter.core.values.home import home
from flrouter.core.values.inputs import Command, Input, Report, Told
from flrouter.core.values.request import Origin
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from tests.core.test_several_topics import COMMANDS, PROFILE
from tests.core.world import SHARDS, rules_of
from tests.openkilda.schemas import faults
from tests.support.plain import switch_id

SPEAKER = "kilda.speaker.storm"
STATISTICS, PORTS = "stats.StatsRequest", "discovery.PortsCommandData"
ONE, TWO, THREE, FOUR = (switch_id(number) for number in (1, 2, 3, 4))


class Router:
    """Shards that hear each other, and FLs that hold what a test says."""

    def __init__(self, partitions: int = 3, **changes: Any) -> None:
        self.rules = rules_of(PROFILE, partitions, **changes)
        catalog = PROFILE.catalog(PROFILE.topics)
        self.shards = [Shard(at, self.rules, catalog) for at in range(partitions)]
        self.now = 1_000_000
        self.offset = 0
        self.sends: list[Send] = []

    def decide(self, shard: int, *batch: Input) -> None:
        """Give a shard these, and all shards what follows."""
        waiting = [(shard, item) for item in batch]
        while waiting:
            at, item = waiting.pop(0)
            effects = self.shards[at].decide([item], self.now)
            for send in effects.sends:
                if send.topic == SHARDS:
                    assert send.partition is not None
                    waiting.append((send.partition, Told(peers.decode(send.value or b""))))
                else:
                    self.sends.append(send)

    def hold(self, floodlight: str, switch: str, state: str = "ACTIVATED") -> None:
        """An FL says that it has a switch."""
        shard = home(floodlight, self.rules.partitions)
        self.decide(shard, Told(peers.AddFloodlight(floodlight, False)))
        event = build.switch_event(switch, state, "event", self.now)
        self.hear(floodlight, event, home(switch, self.rules.partitions))

    def hear(self, floodlight: str, data: bytes, shard: int) -> None:
        """An FL writes something."""
        self.offset += 1
        origin = Origin("kilda.topo.disco_x", 0, self.offset)
        self.decide(shard, Report(floodlight, origin, data, decode(data)))

    def ask(self, kind: str, offset: int = 0, **payload: Any) -> None:
        """A requester sends a command; it is read by its home."""
        self.offset += 1
        data = build.message(
            names.COMMAND, {"clazz": f"{COMMANDS}.{kind}", **payload}, "op", self.now
        )
        command = Command(Origin(SPEAKER, 0, offset or self.offset), data, decode(data))
        self.sends.clear()
        self.decide(home("op", self.rules.partitions), command)

    def asked(self) -> list[tuple[str, list[str]]]:
        """FL and scope of what FLs were sent, in its order; all of it readable by OpenKilda's."""
        scopes = []
        for send in self.sends:
            topic, _, floodlight = send.topic.rpartition("_")
            if topic == "kilda.speaker":
                message = msgspec.json.decode(send.value or b"")
                assert faults("HEAD", message) == []
                assert message["payload"]["clazz"] == names.BROADCAST
                scopes.append((floodlight, message["payload"]["scope"]))
        return scopes

    def scopes(self) -> dict[str, list[str]]:
        """FL → all switches that it was asked for; none of them twice."""
        by_floodlight: dict[str, list[str]] = {}
        for floodlight, scope in self.asked():
            by_floodlight.setdefault(floodlight, []).extend(scope)
        together = [switch for scope in by_floodlight.values() for switch in scope]
        assert len(together) == len(set(together))
        return {floodlight: sorted(scope) for floodlight, scope in by_floodlight.items()}


@pytest.mark.parametrize("partitions", [1, 3])
def test_each_fl_is_asked_for_the_switches_whose_master_it_is(partitions: int) -> None:
    """In whichever shard they are at home; and the command itself arrives as it was."""
    router = Router(partitions)
    router.hold("reg1", ONE)
    router.hold("reg1", TWO)
    router.hold("reg2", THREE)
    router.hold("reg2", ONE, "ADDED")
    router.hold("reg2", FOUR, "ADDED")
    router.ask(PORTS, requester="me")
    assert router.scopes() == {"reg1": [ONE, TWO], "reg2": [THREE]}
    for send in router.sends:
        payload = msgspec.json.decode(send.value or b"")["payload"]
        assert payload["payload"] == {"clazz": f"{COMMANDS}.{PORTS}", "requester": "me"}


def test_statistics_come_from_who_may_only_read_where_there_is_one() -> None:
    """Any one FL of a switch is enough."""
    router = Router(1)
    router.hold("reg1", ONE)
    router.hold("reg1", TWO)
    router.hold("stats", ONE, "ADDED")
    router.ask(STATISTICS)
    assert router.asked() == [("stats", [ONE]), ("reg1", [TWO])]


def test_a_master_of_others_is_not_asked_for_what_it_may_only_read() -> None:
    """Two regions that see each other's switches ask for their own."""
    router = Router(1)
    router.hold("reg1", ONE)
    router.hold("reg2", TWO)
    router.hold("reg2", ONE, "ADDED")
    router.hold("reg1", TWO, "ADDED")
    router.ask(STATISTICS)
    assert router.scopes() == {"reg1": [ONE], "reg2": [TWO]}


def test_two_that_may_only_read_are_not_both_asked() -> None:
    """And one that does not answer is none."""
    router = Router(1)
    router.hold("reg1", ONE)
    router.hold("stats1", ONE, "ADDED")
    router.hold("stats2", ONE, "ADDED")
    router.ask(STATISTICS)
    assert router.scopes() == {"stats1": [ONE]}
    state = router.shards[0].context.floodlights["stats1"]
    down = peers.FloodlightState("stats1", state.number + 1, known=True, up=False, acks=False)
    router.decide(0, Told(down))
    router.shards[0].context.floodlights["stats1"].up = False
    router.ask(STATISTICS)
    assert router.scopes() == {"stats2": [ONE]}


def test_a_command_that_is_read_again_goes_out_once() -> None:
    """As long as its answers come."""
    router = Router(1)
    router.hold("reg1", ONE)
    router.ask(PORTS, 77)
    assert router.scopes() == {"reg1": [ONE]}
    router.ask(PORTS, 77)
    assert router.scopes() == {}


def test_answers_pass_one_by_one_to_whom_the_kind_names() -> None:
    """Under the requester's own id; and nothing is owed."""
    router = Router()
    router.hold("reg1", ONE)
    router.ask(PORTS)
    [sent] = router.sends
    cid = decode(sent.value or b"").correlation_id or ""
    at = router.shards[home(ONE, 3)].context.suffixes.read(cid)
    assert at is not None
    for _ in range(2):
        answer = {"clazz": "org.openkilda.messaging.info.stats.SwitchPortStatusData"}
        answer["switch_id"] = ONE
        router.sends.clear()
        router.hear("reg1", build.message(names.INFO, answer, cid, router.now), at.home)
        [passed] = router.sends
        assert passed.topic == "kilda.stats.storm"
        assert decode(passed.value or b"").correlation_id == "op"


def test_statistics_that_were_gathered_pass_from_whoever_reads_them() -> None:
    """They have ids of their own. Anything else comes from the one that speaks for the switch."""
    router = Router(1)
    router.hold("reg1", ONE)
    router.hold("stats", ONE, "ADDED")
    router.ask(STATISTICS)
    assert not any(shard.context.pending for shard in router.shards)
    for clazz, count in (("stats.PortStatsData", 1), ("event.PortInfoData", 0)):
        payload = {"clazz": f"org.openkilda.messaging.info.{clazz}", "switch_id": ONE}
        router.sends.clear()
        router.hear("stats", build.message(names.INFO, payload, "own", router.now), 0)
        assert len(router.sends) == count


def test_a_scope_that_is_too_large_goes_in_several() -> None:
    """So many bytes as a record may have."""
    router = Router(1, max_message_bytes=2_500)
    for number in range(1, 150):
        router.hold("reg1", switch_id(number))
    router.ask(PORTS)
    assert len(router.asked()) > 1
    assert all(len(send.value or b"") <= 2_500 for send in router.sends)
    assert router.scopes() == {"reg1": sorted(switch_id(number) for number in range(1, 150))}


@pytest.mark.parametrize(
    ("what", "error"),
    [("too large", "PARAMETERS_INVALID"), ("nobody", "NOT_FOUND"), ("abstract", "REQUEST_INVALID")],
)
def test_what_cannot_be_sent_is_refused(what: str, error: str) -> None:
    """With the one error, at once."""
    router = Router(max_message_bytes=10_000)
    if what != "nobody":
        router.hold("reg1", ONE)
    if what == "abstract":
        data = msgspec.json.encode(
            {
                "clazz": f"{COMMANDS}.{PORTS}",
                "message_context": {"correlation_id": "op", "create_time": 1},
            }
        )
        router.sends.clear()
        command = Command(Origin(SPEAKER, 0, 5), data, decode(data))
        router.decide(home("op", 3), command)
    else:
        router.ask(PORTS, requester="x" * (9_500 if what == "too large" else 1))
    answer = next(send for send in router.sends if send.topic == "kilda.stats.storm")
    assert msgspec.json.decode(answer.value or b"")["payload"]["error-type"] == error


@pytest.mark.parametrize("done", ["message", "sync"])
def test_a_profile_says_what_ends_such_a_command(done: str) -> None:
    """There is no one answer to it."""
    with pytest.raises(profiles.BadProfile, match='done is "ack", "events" or "none"'):
        profiles.read(
            f'extends = "openkilda"\n[[command]]\nkind="X"\nscope="population"\ndone="{done}"\n'
        )
