"""FLs with several topics: which a command goes to, who gets its answer, and with what headers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from flrouter import profiles
from flrouter.core.shard import Shard
from flrouter.core.values import peers
from flrouter.core.values.effects import End, Send
from flrouter.core.values.inputs import CaughtUp, Command, Input, Report, Told
from flrouter.core.values.request import Origin
from flrouter.messages import names
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from tests.core.world import SHARDS, rules_of

SWITCH = "00:00:00:00:00:00:00:09"
VERSION = "kafka.message.version.header"
PROFILE = profiles.load("openkilda")
COMMANDS = "org.openkilda.messaging.command"
WRITE = "kilda.topo.disco_fl-1"


class Alone:
    """A router of one shard, which knows one FL that holds one switch."""

    def __init__(self, profile: profiles.Profile = PROFILE, *, acks: bool = False) -> None:
        self.rules = rules_of(profile, 1, sync_timeout=10_000)
        self.shard = Shard(0, self.rules, profile.catalog(profile.topics))
        self.now = 1_000_000
        self.offset = 0
        #: what it wrote for others than itself.
        self.sends: list[Send] = []
        self.ends: list[End] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        self.shard.restored(self.now)
        self.decide(Told(peers.AddFloodlight("fl-1", acks)))
        self.hear(build.switch_event(SWITCH, "ACTIVATED", "event", self.now))
        self.sends.clear()

    def decide(self, *batch: Input) -> None:
        """Give it these, and then all that it tells itself because of them."""
        inputs = list(batch)
        while True:
            effects = self.shard.decide(inputs, self.now)
            own = [send for send in effects.sends if send.topic == SHARDS]
            self.sends += [send for send in effects.sends if send.topic != SHARDS]
            self.ends += effects.ends
            self.counts += effects.counts
            inputs = [Told(peers.decode(send.value or b"")) for send in own]
            inputs += [CaughtUp(asked.token) for asked in effects.catch_up]
            if not inputs:
                return

    def ask(self, topic: str, kind: str, *headers: tuple[str, bytes], **payload: Any) -> None:
        """A requester sends a command."""
        more = {"clazz": f"{COMMANDS}.{kind}", **payload}
        data = build.message(names.COMMAND, more, "op", self.now)
        self.offset += 1
        self.decide(Command(Origin(topic, 0, self.offset), data, decode(data), headers))

    def hear(
        self,
        data: bytes,
        *headers: tuple[str, bytes],
        topic: str = WRITE,
        floodlight: str = "fl-1",
    ) -> None:
        """An FL writes something."""
        self.offset += 1
        self.decide(Report(floodlight, Origin(topic, 0, self.offset), data, decode(data), headers))

    def last(self) -> Send:
        """What was written last."""
        return self.sends[-1]


def payload(send: Send) -> dict[str, Any]:
    """What a record says."""
    payload: dict[str, Any] = msgspec.json.decode(send.value or b"")["payload"]
    return payload


@pytest.mark.parametrize(
    ("inbound", "kind", "read"),
    [
        ("kilda.speaker.storm", "switches.DumpRulesRequest", "kilda.speaker_fl-1"),
        ("kilda.speaker.disco.storm", "switches.DumpRulesRequest", "kilda.speaker.disco_fl-1"),
        ("a.topic.that.was.inbound.once", "switches.DumpRulesRequest", "kilda.speaker.disco_fl-1"),
    ],
)
def test_a_command_goes_to_the_topic_that_belongs_to_where_it_came_from(
    inbound: str, kind: str, read: str
) -> None:
    """One from nowhere goes where the router's own questions go."""
    router = Alone()
    router.ask(inbound, kind, switch_id=SWITCH)
    assert router.last().topic == read


def test_an_answer_goes_to_whom_the_inbound_topic_or_the_kind_names() -> None:
    """Whichever of its topics the FL wrote it to."""
    for kind, answer in (
        ("switches.DumpRulesRequest", "kilda.northbound.storm"),
        ("switches.DumpRulesForFlowHsRequest", "kilda.speaker.flowhs.priv"),
    ):
        router = Alone()
        router.ask("kilda.speaker.storm", kind, switch_id=SWITCH)
        cid = decode(router.last().value or b"").correlation_id
        data = build.message(names.INFO, {"clazz": "x.Answer"}, cid or "", router.now)
        router.hear(data, topic="kilda.stats_fl-1")
        assert router.last().topic == answer
        assert decode(router.last().value or b"").correlation_id == "op"


def test_an_error_goes_there_too() -> None:
    """Of a switch that nobody holds, and of a command without one."""
    router = Alone()
    router.shard.context.floodlights["fl-1"].synced = True
    router.ask("kilda.speaker.storm", "flow.MeterModifyCommandRequest", switch_id="7")
    assert router.last().topic == "kilda.topo.nb.storm"
    router.ask("kilda.network.control.storm", "x.Unknown")
    *_, answer, dead = router.sends
    assert answer.topic == "kilda.speaker.network.control.response.priv"
    assert payload(answer)["error-type"] == "REQUEST_INVALID"
    assert dead.topic == router.rules.dead_letter_topic


def test_all_that_the_router_makes_has_the_constant_header_once() -> None:
    """Commands and answers keep their own value of it."""
    router = Alone()
    router.ask("kilda.speaker.storm", "switches.DumpRulesRequest", switch_id=SWITCH)
    assert router.last().headers == ((VERSION, b"v1"),)
    own = ((VERSION, b"v2"), ("other", b"x"))
    router.ask("kilda.speaker.storm", "switches.DumpRulesRequest", *own, switch_id=SWITCH)
    assert router.last().headers == own
    router.ask("kilda.speaker.storm", "x.Unknown", ("other", b"x"))
    assert router.last().headers[-1] == (VERSION, b"v1")
    router.now += 5_000
    router.decide()
    assert all(VERSION in dict(send.headers) for send in router.sends)


def test_a_command_that_nothing_answers_by_design_ends_when_it_is_sent() -> None:
    """It waits for nothing, and nobody is told of a timeout."""
    router = Alone()
    kind = "discovery.DiscoverPathCommandData"
    router.ask("kilda.speaker.disco.storm", kind, source_switch_id=SWITCH)
    (sent,) = router.sends
    assert sent.topic == "kilda.speaker.disco_fl-1"
    assert not router.shard.context.pending
    assert [end.error for end in router.ends] == [""]


@pytest.mark.parametrize("answers", [0, 2])
def test_a_command_to_all_whose_fls_cannot_ack_ends_without_an_error(answers: int) -> None:
    """Its answers pass one by one; that no more come, or none at all, is no failure."""
    router = Alone()
    router.ask("kilda.speaker.storm", "discovery.PortsCommandData", requester="me")
    cid = decode(router.last().value or b"").correlation_id
    data = build.message(names.INFO, {"clazz": "x.SwitchPortStatusData"}, cid or "", router.now)
    for _ in range(answers):
        router.hear(data, topic="kilda.stats_fl-1")
    assert len(router.shard.context.pending) == 1
    router.decide(Told(peers.RemoveFloodlight("fl-1")))
    assert not router.shard.context.pending
    assert [send.topic for send in router.sends].count("kilda.stats.storm") == answers


def test_reply_to_may_name_none_of_them() -> None:
    """An FL's topics are for FLs."""
    router = Alone()
    for topic in ("kilda.speaker_x", "kilda.network.control.response.priv.region_fl-1"):
        assert router.rules.may_be_floodlights(topic)
    assert not router.rules.may_be_floodlights("kilda.speaker.storm")


@pytest.mark.parametrize(
    ("profile", "written", "topic"),
    [
        ("openkilda", "kilda.speaker.flowhs.priv.region", "kilda.speaker.flowhs.priv"),
        ("openkilda", "kilda.topo.nb", "kilda.topo.nb.storm"),
        ("openkilda", "kilda.topo.disco", "kilda.topo.disco.storm"),
        ("openkilda-2019", "kilda.topo.switch.manager", "kilda.topo.switch.manager.storm"),
        ("openkilda-2019", "kilda.topo.disco", "kilda.topo.disco.storm"),
    ],
)
def test_an_answer_to_what_another_router_asked_goes_to_the_readers_of_its_topic(
    profile: str, written: str, topic: str
) -> None:
    """Its id is none of this router's. Which FL speaks for its switch does not matter."""
    router = Alone(profiles.load(profile))
    router.decide(Told(peers.AddFloodlight("fl-2", False)))
    router.sends.clear()
    data = build.message(names.INFO, {"clazz": "x.Answer"}, "theirs", router.now)
    router.hear(data, topic=f"{written}_fl-2", floodlight="fl-2")
    assert (router.last().topic, router.last().value) == (topic, data)


def test_a_command_that_comes_back_as_its_answer_does_so_too() -> None:
    """In 2019; on a topic of no such answers it is nothing that an FL sends."""
    router = Alone(profiles.load("openkilda-2019"))
    flow = {"clazz": f"{COMMANDS}.flow.RemoveFlow", "switch_id": SWITCH}
    data = build.message(names.COMMAND, flow, "theirs", router.now)
    router.hear(data, topic="kilda.flow_fl-1")
    assert (router.last().topic, router.last().value) == ("kilda.flow.storm", data)
    router.hear(data)
    assert router.last().topic == router.rules.dead_letter_topic


@pytest.mark.parametrize(
    ("written", "topic"),
    [
        ("kilda.topo.disco", "kilda.topo.disco.storm"),
        ("kilda.topo.isl.latency", "kilda.topo.isl.latency.storm"),
    ],
)
def test_the_time_of_a_round_trip_goes_to_both_who_read_it(written: str, topic: str) -> None:
    """An FL writes it twice: who measures links and who watches them read different topics."""
    router = Alone()
    clazz = "org.openkilda.messaging.info.event.IslRoundTripLatency"
    event = {"clazz": clazz, "src_switch_id": SWITCH, "src_port_no": 1}
    router.hear(build.message(names.INFO, event, "e", router.now), topic=f"{written}_fl-1")
    assert [send.topic for send in router.sends] == [topic]


def test_what_comes_under_the_id_of_a_command_that_nobody_waits_for_is_an_event() -> None:
    """A ping that arrived is told under an id of its own, one that could not be sent under the
    command's; and so are the groups among statistics, alone of all. None of it is overdue.
    """
    router = Alone()
    said = "org.openkilda.messaging.floodlight.response.PingResponse"
    ping = {"ping_id": "8c1b", "source": {"switch-id": SWITCH, "port-id": 1}}
    router.ask("kilda.speaker.flow.ping.storm", "flow.PingRequest", ping=ping)
    asked = decode(router.last().value or b"").correlation_id or ""
    for cid, original in (("8c1b", "8c1b"), (asked, "op")):
        answer = {"clazz": said, "ping_id": "8c1b", "error": None}
        data = build.message(names.INFO, answer, cid, router.now)
        router.hear(data, topic="kilda.ping_fl-1")
        assert router.last().topic == "kilda.ping.storm"
        assert router.last().value == build.message(names.INFO, answer, original, router.now)
    router.ask("kilda.speaker.storm", "stats.StatsRequest")
    asked = decode(router.last().value or b"").correlation_id or ""
    groups = {"clazz": "org.openkilda.messaging.info.stats.GroupStatsData", "switch_id": SWITCH}
    router.sends.clear()
    router.now += router.rules.response_timeout + 1
    router.hear(build.message(names.INFO, groups, asked, router.now), topic="kilda.stats_fl-1")
    [event] = [send for send in router.sends if send.topic.endswith(".storm")]
    assert event.topic == "kilda.stats.storm"
    assert event.value == build.message(names.INFO, groups, "op", router.now)


def test_a_dump_that_another_router_asked_for_makes_nobody_a_master_who_may_only_read() -> None:
    """Nor does one that comes late."""
    router = Alone()
    router.decide(Told(peers.AddFloodlight("stats", False)))
    router.shard.context.floodlights["stats"].synced = True
    router.shard.context.floodlights["fl-1"].synced = True
    other = "00:00:00:00:00:00:00:0a"
    dump = {
        "clazz": names.DUMP_SWITCH,
        "switch_record": {"datapath": other, "ports": []},
        "dump_id": "theirs",
        "write_mode": False,
    }
    data = build.message(names.INFO, dump, "e", router.now)
    router.hear(data, topic="kilda.topo.disco_stats", floodlight="stats")
    router.sends.clear()
    router.ask("kilda.speaker.storm", "switches.DumpRulesRequest", switch_id=other)
    assert payload(router.last())["error-type"] == "NOT_FOUND"
