"""A world around the core, in memory: topics, the shards, a requester, and a clock that is told.

Nothing happens by itself: a test says which shard takes which records, when time passes and where
a worker is killed. So one schedule is one run, always the same. What FLs do is in `floodlight.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from flrouter import profiles
from flrouter.core.shard import Shard
from flrouter.core.state.rules import Rules
from flrouter.core.state.table import TABLES
from flrouter.core.values import peers, records
from flrouter.core.values.effects import CatchUp, Effects, End, Happening, Headers, Send, Span
from flrouter.core.values.home import partition_for
from flrouter.core.values.inputs import CaughtUp, Command, Garbled, Input, Report, Told
from flrouter.core.values.request import Origin, Suffixes
from flrouter.messages import names
from flrouter.messages.correlation import salvage
from flrouter.messages.envelope import Unreadable, decode
from flrouter.messages.forms import build
from flrouter.messages.kinds.catalog import Catalog

from .floodlight import Floodlight

INBOUND = "kilda.speaker"
SHARDS = "flrouter-shards"
DEAD = "flrouter-dead-letters"
TOPICS = {
    "flow": "kilda.flow",
    "disco": "kilda.topo.disco",
    "northbound": "kilda.northbound",
    "stats": "kilda.stats",
    "ping": "kilda.ping",
}
REPLIES = "my.replies"
#: what `reply_to` may name because it exists.
EXISTING = {*TOPICS.values(), REPLIES, INBOUND, SHARDS, DEAD, "kilda.fl.fl-1.read"}

#: how the descriptions of errors begin that end a request which an FL was sent.
AFTER_SENDING = ("The command was on its way", "No FlReceiveAck", "Nothing came")
#: ms that it takes at least until another worker has taken a shard over.
TAKEOVER = 100

#: the tables that must be empty when nothing goes on: all but what is known of switches and FLs.
TABLES_OF_REQUESTS = [name for name in TABLES if name not in ("switches", "floodlights")]
FLOW = "org.openkilda.messaging.command.flow.InstallTransitFlow"

_encode = msgspec.msgpack.Encoder().encode


def rules(partitions: int = 3, **changes: Any) -> Rules:
    """Rules with short times, some of them changed."""
    given: dict[str, Any] = {
        "app_id": "flrouter",
        "partitions": partitions,
        "shards_topic": SHARDS,
        "dead_letter_topic": DEAD,
        "fl_read_topic": "kilda.fl.{fl}.read",
        "fl_write_topics": ("kilda.fl.{fl}.write",),
        "disco_topic": TOPICS["disco"],
        "reserved_topics": frozenset({INBOUND, SHARDS, DEAD}),
        "ack_timeout": 1_000,
        "response_timeout": 3_000,
        "blacklist_ttl": 5_000,
        "alive_interval": 1_000,
        "alive_timeout": 2_500,
        "sync_timeout": 2_000,
        "sync_retries": 1,
        "sync_interval": 0,
        "settle_time": 5_000,
        "max_message_bytes": 20_000,
        "max_pending": 1_000,
        "max_gather": 1_000,
        "gather_timeout": 20_000,
    }
    return Rules(**{**given, **changes})


def rules_of(profile: profiles.Profile, partitions: int = 3, **changes: Any) -> Rules:
    """The same with the topics and the forms of a profile."""
    given: dict[str, Any] = {
        "fl_read_topic": profile.asks,
        "fl_read_topics": {one.topic: one.read for one in profile.inbound},
        "fl_write_topics": tuple(profile.write),
        "headers": tuple((name, value.encode()) for name, value in profile.headers.items()),
        "disco_topic": profile.topics["disco"],
        "sync_quiet": round(profile.sync.quiet_s * 1000),
        "sync_by_dump_id": profile.sync.by_dump_id,
        "listeners": profile.listeners or "events",
    }
    return rules(partitions, **{**given, **changes})


def catalog(extra: bytes | None = None) -> Catalog:
    """The plain profile's, after the entries of a user's."""
    text = (extra or b"").decode()
    base = "" if "extends" in text else 'extends = "plain"\n'
    return profiles.read(base + text).catalog(TOPICS)


class Record(NamedTuple):
    """One record of a topic."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: Headers
    #: ms: when it was written.
    at: int

    @property
    def json(self) -> Any:
        """What it says."""
        return msgspec.json.decode(self.value)

    @property
    def header(self) -> dict[str, str]:
        """Its headers as text."""
        return {name: value.decode() for name, value in self.headers}


class Log(list[Record]):
    """One partition of a topic, and how far its reader has come with it."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0

    @property
    def waiting(self) -> int:
        """How many records were not read."""
        return len(self) - self.read


class Crash(Enum):
    """Where a worker is killed while it performs a batch (DESIGN, *Safe*)."""

    #: part of the outputs is written, nothing else: the batch comes again to the old state.
    IN_OUTPUTS = 1
    #: all outputs and part of the changelogs are.
    IN_CHANGELOGS = 2
    #: all is but the acknowledgement: the batch comes again to the new state.
    BEFORE_ACKNOWLEDGE = 3


class _Wait:
    """A CatchUp that is under way: what must have been read, stage after stage."""

    def __init__(self, shard: int, wanted: CatchUp, now: int) -> None:
        self.shard = shard
        self.at = now
        self.wanted = wanted
        self.stage = 0
        self.ends: dict[tuple[str, int], int] = {}


class Asked(NamedTuple):
    """A command that the requester sent."""

    origin: Origin
    #: None when it carried none.
    correlation_id: str | None
    topic: str
    at: int
    data: bytes


class World:
    """P shards and what they read and write."""

    def __init__(
        self,
        *floodlights: str,
        partitions: int = 3,
        acks: bool = True,
        extra: bytes | None = None,
        **changes: Any,
    ) -> None:
        """Args:
        extra: a user's catalog file.
        """
        self.rules = rules(partitions, **changes)
        self.catalog = catalog(extra)
        self.now = 1_000_000
        self.logs: dict[tuple[str, int], Log] = defaultdict(Log)
        self.shards = [Shard(at, self.rules, self.catalog) for at in range(partitions)]
        #: the changelogs: shard → table → key → encoded value.
        self.kept: list[dict[str, dict[str, bytes]]] = [
            {name: {} for name in TABLES} for _ in range(partitions)
        ]
        self._waits: list[_Wait] = []
        self._reached: dict[int, list[Input]] = defaultdict(list)
        #: everything that requesters see, in the order in which it was written.
        self.out: list[Record] = []
        self.asked: list[Asked] = []
        #: numbers of requests that a killed worker had in hand, and that may be done again.
        self.repeated: set[str] = set()
        #: those whose state was safe, but whose commands are read again: only one that had its
        #: answer already may be done again, and not for as long as it is blacklisted.
        self.read_again: set[str] = set()
        #: request number → when it ended with an error, safely; it is blacklisted from then on.
        self._failed: dict[str, int] = {}
        self.restarts = 0
        self.counts: dict[tuple[str, str], int] = defaultdict(int)
        self.ends: list[End] = []
        self.happenings: list[Happening] = []
        #: (ms, line) of the log.
        self.notes: list[tuple[int, str]] = []
        self.spans: list[Span] = []
        #: (ms, line of the log) → when the first of the CatchUps was asked for that led to it.
        self.looked: dict[tuple[int, str], int] = {}
        self._looked: dict[int, int] = {}
        self.floodlights: dict[str, Floodlight] = {}
        for at in range(partitions):
            self.shards[at].restored(self.now)
        for name in floodlights:
            self.add(name, acks=acks)

    # -- topics -------------------------------------------------------------------------------

    def write(
        self,
        topic: str,
        key: bytes | None,
        value: bytes,
        partition: int | None = None,
        headers: Headers = (),
    ) -> Record:
        """Put a record where Kafka would."""
        if partition is None:
            partition = partition_for(key, self.rules.partitions)
        log = self.logs[topic, partition]
        record = Record(topic, partition, len(log), key, value, tuple(headers), self.now)
        log.append(record)
        if not topic.startswith(("kilda.fl.", SHARDS, INBOUND)):
            self.out.append(record)
        return record

    def _perform(self, sends: Sequence[Send]) -> None:
        for send in sends:
            assert send.value is not None
            self.write(send.topic, send.key, send.value, send.partition, send.headers)

    def seen(self, topic: str) -> list[Record]:
        """What was written to a requesters' topic."""
        return [record for record in self.out if record.topic == topic]

    def dead(self) -> list[Record]:
        """The dead letters."""
        return self.seen(DEAD)

    def notices(self, clazz: str, switch: str | None = None) -> list[Any]:
        """Payloads of this class on the topic for discovery, of one switch or of all."""
        payloads = [record.json["payload"] for record in self.seen(TOPICS["disco"])]
        return [
            payload
            for payload in payloads
            if payload and payload["clazz"] == clazz
            if switch is None or payload.get("switch_id") == switch
        ]

    def events(self, switch: str) -> list[str]:
        """The states that listeners were told of a switch; UNMANAGED is one of them."""
        states = []
        for record in self.seen(TOPICS["disco"]):
            payload = record.json["payload"]
            if payload and payload.get("switch_id") == switch:
                if payload["clazz"] == names.UNMANAGED:
                    states.append("UNMANAGED")
                elif payload["clazz"] == names.SWITCH_EVENT:
                    states.append(payload["state"])
        return states

    # -- requesters and operators -------------------------------------------------------------

    def ask(
        self,
        switch: str | None,
        correlation_id: str | None = "op",
        *,
        clazz: str = FLOW,
        reply_to: str | None = None,
        partition: int | None = None,
        **payload: Any,
    ) -> Asked:
        """Send a command."""
        if switch is not None:
            payload["switch_id"] = switch
        more = {"reply_to": reply_to} if reply_to else {}
        data = build.message(
            names.COMMAND,
            {"clazz": clazz, **payload},
            correlation_id or "",
            self.now,
            **more,
        )
        if correlation_id is None:
            data = data.replace(b'"correlation_id":"",', b"")
        topic = self.catalog.answer_topic(self.catalog.command(clazz))
        key = switch.encode() if switch else None
        return self.ask_raw(data, correlation_id, reply_to or topic, key, partition)

    def ask_raw(
        self,
        data: bytes,
        correlation_id: str | None,
        topic: str,
        key: bytes | None = None,
        partition: int | None = None,
    ) -> Asked:
        """Send any bytes as a command whose answer should come on `topic`."""
        record = self.write(INBOUND, key, data, partition)
        origin = Origin(INBOUND, record.partition, record.offset)
        asked = Asked(origin, correlation_id, topic, self.now, data)
        self.asked.append(asked)
        return asked

    def tell(self, partition: int, peer: peers.Peer) -> None:
        """Say something to a shard, as the command line does."""
        what = (("flrouter-what", b"peer"),)
        self.write(SHARDS, None, peers.encode(peer), partition, what)

    def home(self, key: str) -> int:
        """The home partition of a switch, an FL or a correlation id."""
        return partition_for(key.encode(), self.rules.partitions)

    def add(self, floodlight: str, *, acks: bool = True) -> Floodlight:
        """An operator adds an FL."""
        self.tell(self.home(floodlight), peers.AddFloodlight(floodlight, acks))
        if floodlight not in self.floodlights:
            self.floodlights[floodlight] = Floodlight(floodlight, self)
        self.floodlights[floodlight].acks = acks
        return self.floodlights[floodlight]

    def remove(self, floodlight: str) -> None:
        """An operator removes an FL."""
        self.tell(self.home(floodlight), peers.RemoveFloodlight(floodlight))

    def move(self, switch: str, floodlight: str) -> None:
        """An operator moves a switch."""
        self.tell(self.home(switch), peers.MoveSwitch(switch, floodlight))

    # -- the router ---------------------------------------------------------------------------

    def inputs_of(self, shard: int) -> list[Log]:
        """The partitions that a shard reads."""
        topics = [SHARDS, INBOUND, *(fl.write_topic for fl in self.floodlights.values())]
        return [self.logs[topic, shard] for topic in topics]

    def _read(self, record: Record) -> Input:
        if record.topic == SHARDS:
            return read_shards(record)
        if record.topic == INBOUND:
            return read_command(record)
        return read_report(record, record.topic.removeprefix("kilda.fl.").removesuffix(".write"))

    def step(
        self,
        shard: int,
        *,
        most: int = 1_000_000,
        first: int = 0,
        only: Callable[[Log], bool] = lambda _: True,
        crash: Crash | None = None,
        written: int = 0,
        rows: int | None = None,
    ) -> Effects:
        """A shard takes one batch and performs it.

        Args:
            shard: its number.
            most: so many records of each topic.
            first: which topic comes first in the batch.
            only: tells the partitions to read.
            crash: where the worker is killed.
            written: a bit mask, which of the groups of records it still wrote then.
            rows: how many of the rows of each changelog; None: all.
        """
        logs = self.inputs_of(shard)
        first %= len(logs)
        logs = [log for log in logs[first:] + logs[:first] if only(log)]
        taken = {id(log): log[log.read : log.read + most] for log in logs}
        batch = [self._read(record) for log in logs for record in taken[id(log)]]
        batch += self._reached.pop(shard, [])
        core = self.shards[shard]
        pending = {number for number, entry in core.context.pending.items() if entry.stage}
        effects = core.decide(batch, self.now)
        assert not effects.counts["bugs", ""], effects.notes
        changes = core.take_changes()
        self._look_at_repeats(batch, effects, pending)
        if crash is Crash.BEFORE_ACKNOWLEDGE:
            self.read_again |= {item.origin.number for item in batch if isinstance(item, Command)}
        elif crash is not None:
            self._note_repeated(batch, effects)
        if crash is Crash.IN_OUTPUTS:
            self._perform(_surviving(effects.sends, written))
            return self._killed(shard)
        self._perform(effects.sends)
        for at, (table, changed) in enumerate(changes):
            if crash is not Crash.IN_CHANGELOGS or written >> at & 1:
                self._keep(shard, table, changed[:rows])
        if crash in (None, Crash.BEFORE_ACKNOWLEDGE):
            self._note_failures(effects)
        if crash is not None:
            return self._killed(shard)
        for log in logs:
            log.read += len(taken[id(log)])
        self._waits += [_Wait(shard, wanted, self.now) for wanted in effects.catch_up]
        self.ends += effects.ends
        self.happenings += effects.happenings
        for what, count in effects.counts.items():
            self.counts[what] += count
        self.notes += [(self.now, note) for note in effects.notes]
        self.spans += effects.spans
        if shard in self._looked:
            self.looked |= dict.fromkeys(
                [(self.now, note) for note in effects.notes], self._looked.pop(shard)
            )
        self._look_at_waits()
        return effects

    def _look_at_repeats(self, batch: list[Input], effects: Effects, pending: set[str]) -> None:
        """A request that is pending or blacklisted is not sent to its FL again."""
        if not self.restarts:
            return
        suffixes = self.shards[0].context.suffixes
        ended = {_number_of(item, suffixes) for item in batch}
        for send in effects.sends:
            if send.topic.endswith(".read") and send.value is not None:
                suffix = suffixes.read(decode(send.value).correlation_id)
                number = suffix.number if suffix is not None else ""
                assert number not in pending - ended, f"{number} is pending and sent again"
                failed = self._failed.get(number, -self.rules.blacklist_ttl)
                barred = self.now < failed + self.rules.blacklist_ttl
                assert not barred, f"{number} ended with an error and is sent again"

    def _note_failures(self, effects: Effects) -> None:
        for send in effects.sends:
            header = dict(send.headers).get("flrouter-request", b"")
            if header.count(b"/") == 2 and send.value is not None:
                text = send.value.decode()
                if any(f'"{words}' in text for words in AFTER_SENDING):
                    self._failed[Origin.parse(header.decode()).number] = self.now

    def _keep(self, shard: int, table: str, changed: list[tuple[str, Any]]) -> None:
        kept = self.kept[shard][table]
        for key, value in changed:
            if value is None:
                kept.pop(key, None)
            else:
                kept[key] = _encode(value)

    def _killed(self, shard: int) -> Effects:
        self.restart(shard)
        return Effects()

    def restart(self, shard: int) -> None:
        """Another worker takes the shard over, with its changelogs and nothing else."""
        self.restarts += 1
        self.now += TAKEOVER
        core = self.shards[shard] = Shard(shard, self.rules, self.catalog)
        for name, kind in TABLES.items():
            decoder = msgspec.msgpack.Decoder(kind)
            for key, value in self.kept[shard][name].items():
                getattr(core.context, name)[key] = decoder.decode(value)
        core.restored(self.now)
        self._waits = [wait for wait in self._waits if wait.shard != shard]
        self._reached.pop(shard, None)

    def _note_repeated(self, batch: list[Input], effects: Effects) -> None:
        suffixes = self.shards[0].context.suffixes
        for item in batch:
            if isinstance(item, Command):
                self.repeated.add(item.origin.number)
            elif isinstance(item, Told) and isinstance(item.peer, peers.NextLink):
                self.repeated.add(item.peer.number)
            else:
                self.repeated.add(_number_of(item, suffixes))
        for send in effects.sends:
            for name, value in send.headers:
                if name == "flrouter-request" and value.count(b"/") == 2:
                    self.repeated.add(Origin.parse(value.decode()).number)
                elif name == "flrouter-number":
                    self.repeated.add(value.decode())
            if send.topic.endswith(".read") and send.value is not None:
                suffix = suffixes.read(decode(send.value).correlation_id)
                if suffix is not None:
                    self.repeated.add(suffix.number)

    def _look_at_waits(self) -> None:
        """Answer each CatchUp whose FL's write topic was read to where it ended then, and after
        it what shards had sent to the one that asks because of that.
        """
        for wait in list(self._waits):
            write_topic = self.rules.write_topics(wait.wanted.floodlight)[0]
            stages = (
                [(write_topic, at) for at in range(self.rules.partitions)],
                [(SHARDS, wait.shard)],
            )
            while True:
                if any(self.logs[at].read < end for at, end in wait.ends.items()):
                    break
                if wait.stage == len(stages):
                    self._waits.remove(wait)
                    self._reached[wait.shard].append(CaughtUp(wait.wanted.token))
                    self._looked.setdefault(wait.shard, wait.at)
                    break
                wait.ends = {at: len(self.logs[at]) for at in stages[wait.stage]}
                wait.stage += 1

    # -- time ---------------------------------------------------------------------------------

    def advance(self, ms: int, *, tick: bool = True) -> None:
        """Time passes; shards look at what is due, unless they are frozen (`tick` False)."""
        self.now += ms
        for floodlight in self.floodlights.values():
            floodlight.flush()
        if tick:
            for shard in range(self.rules.partitions):
                self.step(shard, most=0)

    @property
    def busy(self) -> bool:
        """Whether some record waits for a shard."""
        return any(self._reached.values()) or any(
            log.waiting for at in range(self.rules.partitions) for log in self.inputs_of(at)
        )

    def run(self) -> None:
        """All that was written is read by shards and by living FLs, which answer as told."""
        while True:
            for shard in range(self.rules.partitions):
                self.step(shard)
            worked = [floodlight.work() for floodlight in self.floodlights.values()]
            if not self.busy and not any(worked):
                return

    def pass_time(self, ms: int, grain: int = 500) -> None:
        """Time passes while everybody works."""
        self.run()
        end = self.now + ms
        while self.now < end:
            self.advance(min(grain, end - self.now))
            self.run()

    # -- looking in ---------------------------------------------------------------------------

    def switch(self, name: str) -> records.Switch | None:
        """What its home knows of a switch."""
        return self.shards[self.home(name)].context.switches.get(name)

    def active(self, name: str) -> str:
        """The FL that gets a switch's commands; empty when none does."""
        switch = self.switch(name)
        return switch.active if switch is not None else ""

    def holders(self, name: str) -> dict[str, records.Mode]:
        """The FLs that hold a switch, and as what."""
        switch = self.switch(name)
        holders = switch.holders if switch is not None else {}
        return {
            floodlight: holder.mode
            for floodlight, holder in holders.items()
            if holder.mode is not records.Mode.GONE
        }

    def left(self) -> dict[str, int]:
        """How many entries the tables hold that must be empty when nothing goes on."""
        return {
            table: sum(len(getattr(shard.context, table)) for shard in self.shards)
            for table in TABLES_OF_REQUESTS
        }

    def unkept(self) -> list[str]:
        """The table entries that differ from what their changelog holds."""
        return [
            f"{shard.context.number}/{name}/{key}"
            for shard in self.shards
            for name in TABLES
            for key in {*getattr(shard.context, name), *self.kept[shard.context.number][name]}
            if self.kept[shard.context.number][name].get(key)
            != _encode(getattr(shard.context, name).get(key))
        ]


def _number_of(item: Input, suffixes: Suffixes) -> str:
    """The request that a report belongs to; empty when none."""
    if not isinstance(item, Report) or item.envelope is None:
        return ""
    suffix = suffixes.read(item.envelope.correlation_id)
    return item.number or (suffix.number if suffix is not None else "")


def _surviving(sends: Sequence[Send], written: int) -> list[Send]:
    """The records of those topic partitions that a killed worker had written to."""
    groups: dict[tuple[str, int | None], int] = {}
    return [
        send
        for send in sends
        if written >> groups.setdefault((send.topic, send.partition), len(groups)) & 1
    ]


# -- what the agents do, without Faust ----------------------------------------------------------


def read_command(record: Record) -> Command:
    """A record of the inbound topic."""
    origin = Origin(record.topic, record.partition, record.offset)
    try:
        envelope = decode(record.value)
    except Unreadable as error:
        wanted = salvage(record.value, "reply_to")
        command = Command(origin, record.value, None, record.headers, str(error))
    else:
        wanted = envelope.reply_to
        command = Command(origin, record.value, envelope, record.headers)
    command.reply_exists = wanted in EXISTING
    return command


def read_report(record: Record, floodlight: str) -> Report:
    """A record of an FL's write topic."""
    origin = Origin(record.topic, record.partition, record.offset)
    try:
        return Report(floodlight, origin, record.value, decode(record.value), record.headers)
    except Unreadable as error:
        return Report(floodlight, origin, record.value, None, record.headers, str(error))


def read_shards(record: Record) -> Input:
    """A record of the shards' own topic."""
    own: dict[str, bytes] = {}
    for name, value in record.headers:
        if name.startswith("flrouter-"):
            own.setdefault(name, value)
    headers = [item for item in record.headers if not item[0].startswith("flrouter-")]
    here = Origin(record.topic, record.partition, record.offset)
    data = record.value
    what = own.get("flrouter-what")
    if what == b"peer":
        return Told(peers.decode(data))
    origin = Origin.parse(own["flrouter-origin"].decode()) if "flrouter-origin" in own else here
    match what:
        case b"command":
            return Command(origin, data, decode(data), headers)
        case b"report":
            floodlight = own["flrouter-floodlight"].decode()
            report = Report(floodlight, origin, data, decode(data), headers)
            if "flrouter-number" in own:
                report.number = own["flrouter-number"].decode()
            return report
        case _:
            return Garbled(here, data, f"flrouter-what is {what!r}")
