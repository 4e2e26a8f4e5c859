"""The table of answers (protocol.md, 4.2) over random schedules: commands, FLs, time, and kills."""

from __future__ import annotations

import os
import random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from flrouter.messages import names
from flrouter.messages.forms import build

from . import oracle
from .floodlight import USUAL, Doing, Floodlight, Handling, Written
from .world import FLOW, INBOUND, REPLIES, TOPICS, Crash, World

#: more examples, and others every time, for whoever wants to search longer.
EXAMPLES = int(os.environ.get("FLROUTER_FUZZ", "0"))

RUN = settings(
    # `make simulate` goes through many more schedules in the same time.
    max_examples=EXAMPLES or 50,
    stateful_step_count=40,
    derandomize=not EXAMPLES,
    print_blob=True,
    deadline=None,
    phases=[phase for phase in Phase if phase is not Phase.explain],
    suppress_health_check=list(HealthCheck),
)

HELD = [f"00:00:00:00:00:00:00:0{at}" for at in range(1, 5)]
NOBODYS = "00:00:00:00:00:00:00:0f"
SPELLINGS: list[Any] = [
    lambda switch: switch,
    lambda switch: switch.upper(),
    lambda switch: "0x" + switch.replace(":", ""),
    lambda switch: switch[-1],
]
KINDS = [
    FLOW,
    "org.openkilda.messaging.command.switches.DumpRulesRequest",
    "org.openkilda.messaging.command.discovery.DiscoverIslCommandData",
    "a.kind.OfSomebody",
]
IDS = ["op", "op", "op-2", "", None, "a~b", "op~cba00342.1.907a348f.0.0", "~", 'ä/ö\\"\n']
BAD = [
    (b"", None),
    (b'{"correlation_id":"bad","clazz":', "bad"),
    (b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage"}', "bad"),
    (
        b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
        b'"payload":{"clazz":"x.RemoveFlow"}}',
        "bad",
    ),
    (
        b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
        b'"payload":{"clazz":"x.RemoveFlow","switch_id":"zz"}}',
        "bad",
    ),
    (
        b'{"correlation_id":"bad","clazz":"org.openkilda.messaging.command.CommandMessage",'
        b'"payload":{"clazz":"x.RemoveFlow","switch_id":"1","x":"' + b"x" * 20_000 + b'"}}',
        "bad",
    ),
]

partitions = st.integers(0, 2)
doings = st.builds(
    Doing,
    ack=st.sampled_from([True, True, False]),
    answer=st.sampled_from(
        ["message", "echo", "error", "chain", "half", "old", "old half", "empty", "nothing"]
    ),
    links=st.integers(2, 4),
    order=st.integers(0, 3),
    twice=st.booleans(),
    ack_after=st.sampled_from([0, 0, 100, 999, 1000, 2500]),
    answer_after=st.sampled_from([0, 0, 100, 1500, 5999, 6000, 8000]),
)
floodlights = st.integers(0, 2)
switches = st.sampled_from(HELD)


class Schedules(RuleBasedStateMachine):
    """Any order of what may happen, until all is quiet; no worker is killed."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(partitions=3, response_timeout=6_000, blacklist_ttl=10_000)

    @initialize(
        count=st.integers(2, 3),
        acks=st.tuples(st.booleans(), st.booleans(), st.booleans()),
        scatter=st.tuples(st.booleans(), st.booleans(), st.booleans()),
        held=st.lists(st.tuples(switches, floodlights), min_size=1, max_size=6),
        cold=st.sampled_from([False, False, True]),
    )
    def begin(
        self,
        count: int,
        acks: tuple[bool, ...],
        scatter: tuple[bool, ...],
        held: list[tuple[str, int]],
        cold: bool,
    ) -> None:
        """FLs with some switches, and a router that has just started or not."""
        for at in range(count):
            floodlight = self.world.add(f"fl-{at + 1}", acks=acks[at])
            if scatter[at]:
                floodlight.scatter = random.Random(at)
        for switch, at in held:
            self.floodlight(at).switches[switch] = "ACTIVATED"
        if not cold:
            self.world.pass_time(1000)

    def floodlight(self, at: int) -> Floodlight:
        """One of those that there are."""
        names_ = sorted(self.world.floodlights)
        return self.world.floodlights[names_[at % len(names_)]]

    # -- requesters ---------------------------------------------------------------------------

    @rule(
        switch=st.sampled_from([*HELD, *HELD, NOBODYS]),
        spelling=st.sampled_from(SPELLINGS),
        correlation_id=st.sampled_from(IDS),
        kind=st.sampled_from(KINDS),
        reply_to=st.sampled_from([None, None, REPLIES]),
        partition=st.none() | partitions,
    )
    def ask(
        self,
        switch: str,
        spelling: Any,
        correlation_id: str | None,
        kind: str,
        reply_to: str | None,
        partition: int | None,
    ) -> None:
        """A command, with whatever id, spelling, partition and topic for its answer."""
        self.world.ask(
            spelling(switch), correlation_id, clazz=kind, reply_to=reply_to, partition=partition
        )

    @rule(
        switch=switches,
        doing=doings,
        spoofed=st.booleans(),
        correlation_id=st.sampled_from(IDS),
        partition=st.none() | partitions,
        then=st.sampled_from(["", "", "restart", "late", "die"]),
        late=st.sampled_from([1_000, 6_000]),
    )
    def exchange(
        self,
        switch: str,
        doing: Doing,
        spoofed: bool,
        correlation_id: str | None,
        partition: int | None,
        then: str,
        late: int,
    ) -> None:
        """A command comes to its FL, which acts at once; nobody has read what it wrote when time
        passes, or the workers change, or it dies.
        """
        self.world.ask(switch, correlation_id, partition=partition)
        for _ in range(2):
            for shard in range(3):
                self.world.step(shard)
        for floodlight in self.world.floodlights.values():
            if spoofed:
                for other in self.world.floodlights.values():
                    if other is not floodlight and other.alive:
                        _spoof(self.world, other, floodlight)
            while floodlight.act(doing):
                if then == "die":
                    floodlight.die()
        if then == "restart":
            for shard in range(3):
                self.world.restart(shard)
        elif then == "late":
            self.world.advance(late)

    @rule(topic=st.sampled_from(["none", "kilda.speaker", "flrouter-shards", "kilda.fl.fl-1.read"]))
    def ask_to_nowhere(self, topic: str) -> None:
        """A command whose answer can not go where it wants it."""
        asked = self.world.ask(HELD[0], reply_to=topic)
        self.world.asked[-1] = asked._replace(topic=TOPICS["flow"])

    @rule(bad=st.sampled_from(BAD), partition=partitions)
    def ask_badly(self, bad: tuple[bytes, str | None], partition: int) -> None:
        """A record that is a broken command."""
        self.world.ask_raw(*bad, TOPICS["flow"], partition=partition)

    @rule()
    def ask_for_sync(self) -> None:
        """A SyncRequest; its chains are no single answer, so nothing is expected of it."""
        clazz = names.SYNC_REQUEST
        self.world.ask(None, "sync-please", clazz=clazz)
        self.world.asked.pop()

    # -- the router ---------------------------------------------------------------------------

    @rule(shard=partitions, most=st.sampled_from([1, 2, 100]), first=st.integers(0, 4))
    def shard_reads(self, shard: int, most: int, first: int) -> None:
        """A shard takes what lies before it, or part of that."""
        self.world.step(shard, most=most, first=first)

    @rule(shard=partitions)
    def read_slowly(self, shard: int) -> None:
        """A shard reads one topic and lags behind with the others."""
        self.world.step(shard, only=lambda log: log is self.world.inputs_of(shard)[0])

    @rule(shard=partitions)
    def restart_cleanly(self, shard: int) -> None:
        """A shard goes to another worker between two batches."""
        self.world.restart(shard)

    # -- time ---------------------------------------------------------------------------------

    @rule(ms=st.sampled_from([1, 500, 1000, 6000]), tick=st.booleans())
    def time_passes(self, ms: int, tick: bool) -> None:
        """The clock goes on; with or without anybody looking at it."""
        self.world.advance(ms, tick=tick)

    @rule(ms=st.sampled_from([0, 500, 1000, 4000]))
    def calm(self, ms: int) -> None:
        """Everybody does their work for a while."""
        self.world.pass_time(ms)

    # -- FLs ----------------------------------------------------------------------------------

    @rule(at=floodlights, doing=doings, count=st.integers(1, 4))
    def floodlight_acts(self, at: int, doing: Doing, count: int) -> None:
        """An FL does something about what lies before it."""
        for _ in range(count):
            self.floodlight(at).act(doing)

    @rule(at=floodlights, doing=doings)
    def habits_change(self, at: int, doing: Doing) -> None:
        """From now on an FL does this with its commands."""
        self.floodlight(at).usual = doing

    @rule(
        at=floodlights, form=st.sampled_from(["full", "half", "silent", "error", "old", "markers"])
    )
    def syncs_change(self, at: int, form: str) -> None:
        """From now on an FL answers SyncRequests so."""
        self.floodlight(at).sync = form

    @rule(at=floodlights, switch=switches, state=st.sampled_from(["ACTIVATED", "ADDED"]))
    def connect(self, at: int, switch: str, state: str) -> None:
        """A switch connects to an FL."""
        floodlight = self.floodlight(at)
        if floodlight.alive:
            floodlight.connect(switch, state)

    @rule(at=floodlights, switch=switches, state=st.sampled_from(["DEACTIVATED", "REMOVED"]))
    def disconnect(self, at: int, switch: str, state: str) -> None:
        """An FL loses a switch."""
        floodlight = self.floodlight(at)
        if floodlight.alive and switch in floodlight.switches:
            floodlight.disconnect(switch, state)

    @rule(at=floodlights, silently=st.sets(switches, max_size=2))
    def die(self, at: int, silently: set[str]) -> None:
        """An FL dies, and some of its switches go elsewhere."""
        floodlight = self.floodlight(at)
        floodlight.die()
        for switch in silently:
            floodlight.switches.pop(switch, None)

    @rule(at=floodlights, expired=st.booleans())
    def come_back(self, at: int, expired: bool) -> None:
        """An FL is started again; it may act on what was sent to it meanwhile."""
        self.floodlight(at).come_back(expired=expired)

    @rule(at=floodlights)
    def write_failed(self, at: int) -> None:
        """An FL could not write something to Kafka."""
        self.floodlight(at).failed += 1

    @rule(at=floodlights, other=floodlights)
    def spoof(self, at: int, other: int) -> None:
        """An FL answers what another was asked."""
        mine, theirs = self.floodlight(at), self.floodlight(other)
        if at != other and mine.alive and theirs.waiting() and mine is not theirs:
            _spoof(self.world, mine, theirs)

    @rule(at=floodlights, which=st.integers(0, 100))
    def write_again(self, at: int, which: int) -> None:
        """A record of an FL gets into its topic twice."""
        floodlight = self.floodlight(at)
        logs = [self.world.logs[floodlight.write_topic, p] for p in range(3)]
        written = [record for log in logs for record in log if record.header.get("written")]
        if written:
            record = written[which % len(written)]
            self.world.write(
                record.topic, record.key, record.value, record.partition, record.headers
            )

    # -- operators ----------------------------------------------------------------------------

    @rule(at=floodlights)
    def remove(self, at: int) -> None:
        """An FL is removed."""
        self.world.remove(self.floodlight(at).name)

    @rule(at=floodlights)
    def add(self, at: int) -> None:
        """An FL is added, again perhaps."""
        floodlight = self.floodlight(at)
        self.world.add(floodlight.name, acks=floodlight.acks)

    @rule(at=floodlights, switch=switches)
    def move(self, at: int, switch: str) -> None:
        """A switch is moved."""
        self.world.move(switch, self.floodlight(at).name)

    # -- the end ------------------------------------------------------------------------------

    def teardown(self) -> None:
        """All is read and every time has run out: now the table of answers holds."""
        world = self.world
        if not world.floodlights:
            return
        world.pass_time(75_000, grain=1500)
        oracle.check(world)
        self.check_agreement()
        self.check_recovery()

    def check_agreement(self) -> None:
        """Every shard knows of each FL what its home does."""
        world = self.world
        for name in world.floodlights:
            told = [shard.context.floodlights.get(name) for shard in world.shards]
            states = {(state.known, state.up, state.acks) for state in told if state is not None}
            assert len(states) == 1, f"{name}: {told}"

    def check_recovery(self) -> None:
        """Once all FLs work as they should, so does every switch that one of them holds."""
        world = self.world
        for floodlight in world.floodlights.values():
            floodlight.sync, floodlight.usual = "full", USUAL
            if not floodlight.alive:
                floodlight.come_back()
            world.add(floodlight.name, acks=floodlight.acks)
        world.pass_time(4_000)
        self.ask_for_sync()
        world.pass_time(4_000)
        masters = {
            switch
            for floodlight in world.floodlights.values()
            if floodlight.scatter is None  # its events have no order, so a mode may be the older
            for switch, state in floodlight.switches.items()
            if state == "ACTIVATED"
        }
        asked = [world.ask(switch, f"probe-{switch}") for switch in sorted(masters)]
        world.run()
        by_number = oracle.answers(world)
        for each in asked:
            got = by_number[each.origin.number]
            assert len(got) == 1, f"{each}: {got}"
            assert got[0].written is not None, f"{each}: {got}"


def _spoof(world: World, mine: Floodlight, theirs: Floodlight) -> None:
    """`mine` acknowledges and answers what lies before `theirs`."""
    for record in theirs.waiting():
        cid = record.json["correlation_id"]
        suffix = world.shards[0].context.suffixes.read(cid)
        if suffix is None or suffix.number.startswith(("alive", "sync")):
            continue
        at = len(mine.handlings)
        doing = Doing(answer="spoof")
        mine.handlings.append(Handling(mine.name, suffix.number, doing, world.now, record.at))
        for data in (
            build.ack(cid, world.now),
            build.chunk({"clazz": "x.Y"}, cid, 0, 2, world.now),
            build.message(names.INFO, {"clazz": "x.Y"}, cid, world.now),
        ):
            what = Written(mine.name, suffix.number, "spoof", -1, -1, data, at)
            mine.write(data, cid, what)


class KilledWorkers(Schedules):
    """The same while workers are killed in the middle of a batch."""

    @rule(
        shard=partitions,
        most=st.sampled_from([1, 100]),
        first=st.integers(0, 4),
        crash=st.sampled_from(Crash),
        written=st.integers(0, 2**20),
    )
    def kill(self, shard: int, most: int, first: int, crash: Crash, written: int) -> None:
        """A worker is killed while it performs a batch, which then comes again."""
        self.world.step(shard, most=most, first=first, crash=crash, written=written)

    @rule(
        switch=switches,
        doing=doings,
        crash=st.sampled_from(Crash),
        written=st.integers(0, 2**20),
        ms=st.sampled_from([0, 1_000, 6_000]),
        partition=st.none() | partitions,
    )
    def kill_over_a_command(
        self,
        switch: str,
        doing: Doing,
        crash: Crash,
        written: int,
        ms: int,
        partition: int | None,
    ) -> None:
        """Who reads a command is killed, and it is some time until it is read again."""
        world = self.world
        asked = world.ask(switch, partition=partition)
        world.step(asked.origin.partition, crash=crash, written=written)
        for _ in range(2):
            self.read_all_but_commands()
        for floodlight in world.floodlights.values():
            while floodlight.act(doing):
                pass
        world.advance(ms)
        for _ in range(3):
            self.read_all_but_commands()

    def read_all_but_commands(self) -> None:
        """The inbound topic is behind."""
        for shard in range(3):
            inbound = self.world.logs[INBOUND, shard]
            self.world.step(shard, only=lambda log, inbound=inbound: log is not inbound)

    def teardown(self) -> None:
        """As without kills, with repetitions next to a restart."""
        super().teardown()


TestEveryCommandGetsAnAnswer = Schedules.TestCase
TestEveryCommandGetsAnAnswer.settings = RUN
TestKilledWorkers = KilledWorkers.TestCase
TestKilledWorkers.settings = RUN
