"""FLs that crash, freeze, are cut off, answer late, twice, half or in each other's name."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from flrouter.core.state.rules import Rules
from flrouter.core.values.home import home
from flrouter.core.values.request import Suffixes
from flrouter.messages import names
from flrouter.messages.envelope import Envelope, decode
from flrouter.messages.forms import build
from flrouter.messages.switch_id import canonical
from tests.core.floodlight import Written
from tests.core.forms import USUAL, Doing, answers, sync_chain
from tests.core.world import Record

from .dice import Dice
from .gathers import GatherPromises
from .promises import MARK
from .topics import Log, Topics


class Condition(Enum):
    """How an FL is."""

    WELL = "well"
    #: it does nothing for a while, and goes on then.
    FROZEN = "frozen"
    #: it can read, but not write; it knows that.
    MUTE = "mute"
    DEAD = "dead"


#: record, its key, and what it is of which command.
Line = tuple[bytes, str | None, Written | None]


class Floodlight:
    """One FL: what it read and has not answered, and the switches that it holds."""

    #: the ways in which it may answer SyncRequests.
    syncs: ClassVar = [*["full"] * 3, "half", "silent", "error", "old", "markers", "markers"]
    #: whether one that writes with null keys does so with events too.
    scatters_events = True

    def __init__(
        self,
        name: str,
        topics: Topics,
        rules: Rules,
        promises: GatherPromises,
        *,
        acks: bool,
        scatters: bool,
    ) -> None:
        self.name = name
        self.acks = acks
        self.scatters = scatters
        self.condition = Condition.WELL
        self.usual = USUAL
        #: who scatters what it writes is of the older sort.
        self.sync = "markers" if scatters and "markers" in self.syncs else "full"
        self.switches: dict[str, str] = {}
        self.write_topics = rules.write_topics(name)
        self._topics = topics
        self._promises = promises
        self._suffixes = Suffixes(rules.app_id, rules.partitions)
        own = rules.read_topic(name)
        reads = {own: None} | {rules.read_topic(name, at): None for at in rules.fl_read_topics}
        self._logs = [topics.log(topic, at) for topic in reads for at in range(rules.partitions)]
        self._logs_of_own = self._logs[: rules.partitions]
        #: what is to be written: in order within each lane, in any order between them.
        self._lanes: list[list[Line]] = []
        self._failed = 0
        self._handled = 0
        self._scattered = 0
        promises.floodlight(name, acks=acks, ordered=not scatters)

    # -- writing -------------------------------------------------------------------------------

    def _write(self, line: Line) -> bool:
        """Write a record; False when that failed."""
        if self.condition is Condition.MUTE:
            self._failed += 1
            return False
        data, key, what = line
        partitions = self._topics.partitions
        if self.scatters and (what is not None or self.scatters_events):
            self._scattered = (self._scattered * 5 + len(data)) % 997
            partition, key = self._scattered % partitions, None
        else:
            partition = home(key or "", partitions)
        headers = []
        topic = self.write_topics[0]
        if what is not None:
            # Each answer is on one of its topics; there is no order between them.
            topic = self.write_topics[what.handling % len(self.write_topics)]
            headers.append((MARK, str(len(self._promises.marks)).encode()))
            self._promises.marks.append(what)
            self._promises.wrote(what, self._topics.now)
        data_key = key.encode() if key is not None else None
        self._topics.write(topic, data_key, data, partition, headers)
        return True

    def flush(self, dice: Dice, most: int) -> None:
        """Write up to `most` records that are to be written."""
        if self.condition not in (Condition.WELL, Condition.MUTE) or not self._lanes:
            return
        at = dice.pick(len(self._lanes))
        lane = self._lanes[at]
        self._topics.say(f"{self.name} writes {min(most, len(lane))} of {len(lane)} records")
        for line in lane[:most]:
            self._write(line)
        del lane[:most]
        if not lane:
            del self._lanes[at]

    def event(self, switch: str, state: str) -> None:
        """Tell of a switch."""
        self._topics.say(f"{self.name} tells that {switch} is {state}")
        self._write((self._event(switch, state), switch, None))

    def _event(self, switch: str, state: str) -> bytes:
        return build.switch_event(switch, state, f"event-{switch}", self._topics.now)

    def lose(self, switch: str, state: str) -> None:
        """A switch is gone."""
        del self.switches[switch]
        self.event(switch, state)

    def write_again(self, dice: Dice) -> None:
        """What it wrote for a command gets into its write topic twice."""
        topic = dice.choose(self.write_topics)
        log = self._topics.log(topic, dice.pick(self._topics.partitions))
        if log:
            record = log[-1 - dice.pick(min(len(log), 20))]
            if not record.headers:
                return  # an event that comes again later says what is not so any more
            self._topics.say(f"{self.name} writes offset {record.offset} again")
            self._topics.write(
                record.topic, record.key, record.value, record.partition, record.headers
            )

    # -- reading -------------------------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Whether there is nothing for it to do."""
        if self.condition is Condition.DEAD:
            return True
        return not self._lanes and not any(log.waiting for log in self._logs)

    def act(self, dice: Dice, doing: Doing) -> bool:
        """Read one record and see what to do about it; False when there is none."""
        if self.condition not in (Condition.WELL, Condition.MUTE):
            return False
        first = dice.pick(len(self._logs))
        for at in range(len(self._logs)):
            log = self._logs[(first + at) % len(self._logs)]
            if log.waiting:
                record = log[log.read]
                log.read += 1
                self._handle(record, doing)
                return True
        return False

    def _handle(self, record: Record, doing: Doing) -> None:
        envelope = decode(record.value)
        cid = envelope.correlation_id or ""
        if envelope.kind == names.ALIVE_REQUEST:
            now = self._topics.now
            answer = build.alive_response(cid, self.name, self._failed, now)
            if self._write((answer, self.name, None)):
                self._failed = 0
                self._promises.alive[self.name].append(now)
        elif envelope.kind == names.SYNC_REQUEST:
            self._topics.say(f"{self.name} makes a chain: {self.sync}, {sorted(self.switches)}")
            self._answer_sync(cid, record)
        else:
            self._topics.say(f"{self.name} handles {cid} so: {doing}")
            lane = self._answer(record, envelope, cid, doing)
            if lane:
                self._lanes.append(lane)

    def _answer(self, record: Record, envelope: Envelope, cid: str, doing: Doing) -> list[Line]:
        suffix = self._suffixes.read(cid)
        assert suffix is not None
        number, at = suffix.number, self._handled
        self._handled += 1
        payload = envelope.payload
        key = canonical(payload.switch_id) if payload is not None and payload.switch_id else cid
        lane: list[Line] = []
        times = 2 if doing.twice else 1
        if doing.ack and self.acks:
            ack = build.ack(cid, self._topics.now)
            lane += [(ack, key, Written(self.name, number, "ack", -1, -1, ack, at))] * times
        for index, total, data in self._answers(record, envelope, cid, at, doing):
            part = "link" if total >= 0 else "answer"
            what = Written(self.name, number, part, index, total, data, at)
            lane += [(data, key, what)] * times
        return lane

    def _answers(
        self, record: Record, _envelope: Envelope, cid: str, at: int, doing: Doing
    ) -> list[tuple[int, int, bytes]]:
        """The records of an answer: link, of how many (-1: it is no chain), bytes."""
        return answers(self.name, self._topics.now, cid, at, doing, record.value)

    def _answer_sync(self, cid: str, _record: Record) -> None:
        now = self._topics.now
        if self.sync == "silent":
            return
        lane: list[Line] = []
        if self.acks:
            lane.append((build.ack(cid, now), self.name, None))
        if self.sync == "error":
            data = build.message(names.ERROR, {"clazz": names.ERROR_DATA}, cid, now)
            lane.append((data, self.name, None))
        else:
            self._promises.syncs.made(cid, self.name, frozenset(self.switches))
            chain = sync_chain(self.switches, now, cid, self.sync)
            lane += [(link, self.name, None) for link in chain]
        self._lanes.append(lane)

    def spoof(self, theirs: Floodlight) -> None:
        """Acknowledge and answer what was sent to another FL."""
        if self.condition is not Condition.WELL:
            return
        for log in theirs._logs:
            for record in log[log.read : log.read + 1]:
                cid = decode(record.value).correlation_id or ""
                suffix = self._suffixes.read(cid)
                if suffix is None or suffix.number.startswith(("alive.", "sync.")):
                    continue
                self._topics.say(f"{self.name} answers what {theirs.name} was sent: {cid}")
                now = self._topics.now
                for data in (
                    build.ack(cid, now),
                    build.chunk({"clazz": "x.Y"}, cid, 0, 2, now),
                    build.message(names.INFO, {"clazz": "x.Y"}, cid, now),
                ):
                    what = Written(self.name, suffix.number, "spoof", -1, -1, data, -1)
                    self._write((data, cid, what))

    # -- what happens to it --------------------------------------------------------------------

    def commit(self) -> None:
        """What it read until now it does not read again after a crash."""
        for log in self._logs:
            log.committed = log.read

    def crash(self) -> None:
        """It is gone, and forgets what it was about to write."""
        self.condition = Condition.DEAD
        self._lanes.clear()

    def start(self, *, anew: bool) -> None:
        """It runs again, and reads from where it had committed, or what is new only."""
        self.condition = Condition.WELL
        self._failed = 0
        for log in self._logs:
            log.read = len(log) if anew else log.committed

    def unread(self) -> list[Log]:
        """The partitions of its read topic."""
        return self._logs
