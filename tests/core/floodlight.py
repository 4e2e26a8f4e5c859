"""FLs of the world: each does what the test tells it, message by message."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from flrouter.core.values.home import partition_for
from flrouter.core.values.request import Suffix
from flrouter.messages import names
from flrouter.messages.envelope import Envelope, decode
from flrouter.messages.forms import build
from flrouter.messages.switch_id import canonical

from .forms import ONLY_ACK, SILENT, USUAL, Doing, answers, sync_chain

if TYPE_CHECKING:
    from .world import Record, World

__all__ = ["ONLY_ACK", "SILENT", "USUAL", "Doing", "Floodlight", "Handling", "Written"]


class Written(NamedTuple):
    """A record that an FL wrote for a command."""

    floodlight: str
    number: str
    #: ack, answer, link.
    part: str
    #: of a link: its index and how many links there are.
    index: int
    total: int
    data: bytes
    #: how often the FL had read this command before.
    handling: int


@dataclass
class Handling:
    """An FL's work on one delivery of a command."""

    floodlight: str
    number: str
    doing: Doing
    at: int
    #: when the command was written to the FL's read topic.
    sent_at: int
    #: (ms, what) in the order in which it got to the write topic.
    written: list[tuple[int, Written]] = field(default_factory=list)


class Floodlight:
    """An FL with its switches, its two topics and its habits."""

    def __init__(self, name: str, world: World) -> None:
        self.name = name
        self.world = world
        self.read_topic = world.rules.read_topic(name)
        self.write_topic = world.rules.write_topics(name)[0]
        self.acks = True
        self.alive = True
        #: whether `work` makes it answer by itself; otherwise `act` is called.
        self.usual = USUAL
        #: full, half, silent, error, old, markers: how it answers SyncRequests; `manual` leaves
        #: the chain in `unwritten`, in the form that `chains` names.
        self.sync = "full"
        self.chains = "full"
        self.unwritten: list[bytes] = []
        #: writes with null keys to random partitions when given.
        self.scatter: random.Random | None = None
        #: writes everything to this partition when given.
        self.partition: int | None = None
        #: switch → ACTIVATED or ADDED.
        self.switches: dict[str, str] = {}
        #: writes that failed and were not reported.
        self.failed = 0
        self.handlings: list[Handling] = []
        self.syncs: list[str] = []
        #: ms: when it wrote each AliveResponse.
        self.answered_alive: list[int] = []
        self._later: list[tuple[int, int, bytes, str | None, Written | None]] = []
        self._made = 0

    # -- writing ------------------------------------------------------------------------------

    def write(
        self, data: bytes, key: str | None, what: Written | None = None, *, after: int = 0
    ) -> None:
        """Write a record, now or `after` ms."""
        self._made += 1
        self._later.append((self.world.now + after, self._made, data, key, what))
        self._later.sort(key=lambda item: item[:2])
        self.flush()

    def flush(self) -> None:
        """Write what is due; the dead write nothing ever."""
        if not self.alive:
            self._later.clear()
        while self._later and self._later[0][0] <= self.world.now:
            _, _, data, key, what = self._later.pop(0)
            partition = self.partition
            if self.scatter is not None:
                partition, key = self.scatter.randrange(self.world.rules.partitions), None
            elif partition is None:
                partition = partition_for((key or "").encode(), self.world.rules.partitions)
            headers: list[tuple[str, bytes]] = []
            if what is not None:
                handling = self.handlings[what.handling]
                handling.written.append((self.world.now, what))
                mark = f"{self.name}/{what.handling}/{len(handling.written) - 1}"
                headers.append(("written", mark.encode()))
            key_bytes = key.encode() if key is not None else None
            self.world.write(self.write_topic, key_bytes, data, partition, headers)

    def event(self, switch: str, state: str) -> None:
        """Tell of a switch."""
        self.write(build.switch_event(switch, state, f"event-{switch}", self.world.now), switch)

    def connect(self, switch: str, state: str = "ACTIVATED") -> None:
        """A switch connects."""
        self.switches[switch] = state
        self.event(switch, state)

    def disconnect(self, switch: str, state: str = "DEACTIVATED") -> None:
        """A switch is lost."""
        self.switches.pop(switch, None)
        self.event(switch, state)

    # -- reading ------------------------------------------------------------------------------

    def waiting(self) -> list[Record]:
        """What lies in its read topic, oldest first."""
        logs = [self.world.logs[self.read_topic, at] for at in range(self.world.rules.partitions)]
        return sorted(
            (record for log in logs for record in log[log.read :]),
            key=lambda record: (record.at, record.partition, record.offset),
        )

    def _take(self) -> Record | None:
        waiting = self.waiting()
        if not waiting:
            return None
        self.world.logs[self.read_topic, waiting[0].partition].read += 1
        return waiting[0]

    def skip(self) -> None:
        """Drop what lies in its read topic: after a pause all of that has expired."""
        while self._take() is not None:
            pass

    def work(self) -> bool:
        """Handle all that lies there in the usual way; False when nothing did."""
        worked = False
        while self.alive and self.act(self.usual):
            worked = True
        return worked

    def act(self, doing: Doing) -> bool:
        """Read one record and do something about it; False when there is none."""
        record = self._take() if self.alive else None
        if record is None:
            return False
        envelope = decode(record.value)
        if envelope.kind == names.ALIVE_REQUEST:
            answer = build.alive_response(
                envelope.correlation_id or "", self.name, self.failed, self.world.now
            )
            self.failed = 0
            self.answered_alive.append(self.world.now)
            self.write(answer, self.name)
        elif envelope.kind == names.SYNC_REQUEST:
            self._answer_sync(envelope.correlation_id or "")
        else:
            self.handle(record, envelope, doing)
        return True

    # -- commands -----------------------------------------------------------------------------

    def handle(self, record: Record, envelope: Envelope, doing: Doing) -> None:
        """Answer a command."""
        cid = envelope.correlation_id or ""
        suffix = self.world.shards[0].context.suffixes.read(cid)
        assert suffix is not None, f"an FL was sent a command under the id {cid}"
        at = len(self.handlings)
        self.handlings.append(Handling(self.name, suffix.number, doing, self.world.now, record.at))
        payload = envelope.payload
        key = canonical(payload.switch_id) if payload is not None and payload.switch_id else cid
        times = 2 if doing.twice else 1
        after = doing.ack_after
        if doing.ack and self.acks:
            ack = build.ack(cid, self.world.now)
            for _ in range(times):
                self.write(ack, key, self._about(suffix, "ack", at, ack), after=after)
        for index, total, data in self.answers(cid, at, doing, record.value):
            after += doing.answer_after
            part = "link" if total >= 0 else "answer"
            for _ in range(times):
                self.write(
                    data, key, self._about(suffix, part, at, data, index, total), after=after
                )

    def _about(
        self, suffix: Suffix, part: str, at: int, data: bytes, index: int = -1, total: int = -1
    ) -> Written:
        return Written(self.name, suffix.number, part, index, total, data, at)

    def answers(
        self, cid: str, at: int, doing: Doing, command: bytes
    ) -> list[tuple[int, int, bytes]]:
        """The records of an answer: link index, number of links (-1: no chain), bytes."""
        return answers(self.name, self.world.now, cid, at, doing, command)

    # -- sync ---------------------------------------------------------------------------------

    def chain(self, cid: str, form: str = "full") -> list[bytes]:
        """The chain that lists its switches as they are now."""
        return sync_chain(self.switches, self.world.now, cid, form)

    def _answer_sync(self, cid: str) -> None:
        self.syncs.append(cid)
        if self.sync == "silent":
            return
        if self.acks:
            self.write(build.ack(cid, self.world.now), self.name)
        if self.sync == "error":
            data = build.message(names.ERROR, {"clazz": names.ERROR_DATA}, cid, self.world.now)
            self.write(data, self.name)
            return
        if self.sync == "manual":
            self.unwritten = self.chain(cid, self.chains)
            return
        for link in self.chain(cid, self.sync):
            self.write(link, self.name)

    # -- dying --------------------------------------------------------------------------------

    def die(self) -> None:
        """It is gone in the middle of everything."""
        self.alive = False
        self._later.clear()

    def come_back(self, *, expired: bool = True) -> None:
        """It runs again; with `expired` it drops what was sent to it meanwhile."""
        self.alive = True
        if expired:
            self.skip()
