"""The promises of syncs: who asks for one gets chains, and nobody is told what is not certain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import msgspec

from flrouter.core.floodlights.sync_run import read_sync_number
from flrouter.core.state.rules import Rules
from flrouter.core.values import peers
from flrouter.core.values.effects import Effects, Send
from flrouter.core.values.inputs import Input, Report, Told
from flrouter.core.values.request import Suffixes
from flrouter.messages import names
from flrouter.messages.chains import BadLink
from flrouter.messages.envelope import Form, decode
from flrouter.messages.headers import SYNC_BEGAN
from flrouter.network.chains import Assembler, is_link
from tests.core.world import Record

from .promises import REQUEST, Violation, note_of

#: how the correlation ids of notices begin that say that a switch is gone; of OpenKilda's own that
#: may also mean that its FL is.
OFFLINE, DISCONNECT, REGION_OFFLINE = b'"offline-', b'"disconnect-', b'"regionOffline":true'


class _Dumped(msgspec.Struct):
    dump_id: str | None


class _Dump(msgspec.Struct):
    payload: _Dumped


_dump = msgspec.json.Decoder(_Dump)


class SyncPromises:
    """Hears of every sync that is asked for, every chain, and every switch that is told gone."""

    def __init__(self, suffixes: Suffixes, rules: Rules, *, skewed: bool) -> None:
        self._suffixes = suffixes
        self._rules = rules
        self._skewed = skewed
        #: (FL, requester's id) → since when (ms) it is owed a chain or an error.
        self._owed: dict[tuple[str, str], int] = {}
        #: (FL, attempt) → the switches that the FL listed, each time that it was asked.
        self._listed: dict[tuple[str, int], list[frozenset[str]]] = {}
        #: the same where lists have no end: when (ms) it wrote a record, of which switch, and
        #: whether as its master.
        self._wrote: dict[tuple[str, int], list[tuple[int, str, bool]]] = {}
        #: (FL, attempt) → up to when (ms) records were looked at before such a list was over.
        self._looked: dict[tuple[str, int], int] = {}
        #: (dump id, switch): records that listeners got.
        self.dumped: set[tuple[str | None, str]] = set()
        #: id of a request for a sync → itself, and why it should not be written.
        self._too_many: dict[int, tuple[Send, str]] = {}
        #: ids of chains that were whole. A successor whose clock is behind takes an attempt number
        #: again, and with it the FL's chain: whoever asks again has had it.
        self._whole: set[str] = set()
        #: puts the chains together as listeners do; it has all the time that there is.
        self._assembler = Assembler(patience=1 << 40)

    def _attempt(self, correlation_id: str | None) -> int | None:
        suffix = self._suffixes.read(correlation_id)
        number = read_sync_number(suffix.number) if suffix is not None else None
        return number[0] if number is not None else None

    def made(self, correlation_id: str, floodlight: str, switches: frozenset[str]) -> None:
        """An FL was asked, and lists these."""
        attempt = self._attempt(correlation_id)
        if attempt is not None:
            self._listed.setdefault((floodlight, attempt), []).append(switches)

    def wrote(self, floodlight: str, dump_id: str, switch: str, at: int, *, master: bool) -> None:
        """An FL wrote a record of a list that has no end."""
        attempt = self._attempt(dump_id)
        if attempt is not None:
            self._wrote.setdefault((floodlight, attempt), []).append((at, switch, master))

    def passed(self, record: Record, at: int) -> None:
        """A shard told another something."""
        note = note_of(record, b"SyncWanted")
        if self._rules.dumps_by_master:
            return  # they get what the masters of switches list, of whatever FL
        if isinstance(note, peers.SyncWanted) and note.correlation_id != peers.OWN_SYNC:
            self._owed[note.floodlight, note.correlation_id] = at

    def tried(self, items: list[Input], effects: Effects, tries: Counter[tuple[str, str]]) -> None:
        """A batch was decided: for each requester an FL is asked as often as the limit says,
        however many others ask meanwhile.

        Args:
            tries: (FL, requester's id) → how often it was asked by this owner of its home.
        """
        for item in items:
            if isinstance(item, Told) and isinstance(item.peer, peers.SyncWanted):
                tries.pop((item.peer.floodlight, item.peer.correlation_id), None)
        for send in effects.sends:
            if names.SYNC_REQUEST.encode() not in (send.value or b""):
                continue
            suffix = self._suffixes.read(decode(send.value or b"").correlation_id)
            if suffix is None or suffix.original == peers.OWN_SYNC:
                continue
            asked = (send.key or b"").decode(), suffix.original
            tries[asked] += 1
            if tries[asked] > self._rules.sync_retries + 1:
                self._too_many[id(send)] = send, f"{asked}: {tries[asked]} tries"

    def written(self, send: Send) -> None:
        """It is. What a worker decides that has lost its shard is not, by its lease or a fence."""
        if id(send) in self._too_many:
            raise Violation("a sync is given up", self._too_many[id(send)][1])

    def decided(self, items: list[Input], effects: Effects, now: int, looked: int | None) -> None:
        """A batch was decided: switches that it tells as gone are in no list that ended.

        Args:
            looked: ms: all that had been written by then was read.
        """
        for send in effects.sends if self._rules.sync_by_dump_id else ():
            if b"SyncComplete" in (send.value or b"") and send.topic == self._rules.shards_topic:
                self._is_over(peers.decode(send.value or b""), now, looked)
        floodlights = [label for what, label in effects.counts if what == "offline"]
        if len(floodlights) != 1:
            return
        notes = [item.peer for item in items if isinstance(item, Told)]
        notes += [
            peers.decode(send.value or b"")
            for send in effects.sends
            if dict(send.headers).get("flrouter-what") == b"peer"
        ]
        complete = [
            (note.floodlight, note.attempt)
            for note in notes
            if isinstance(note, peers.SyncComplete) and note.floodlight == floodlights[0]
        ]
        chains = [chain for run in complete for chain in self._listed.get(run, ())]
        back = {
            send.key: at
            for at, send in enumerate(effects.sends)
            if send.topic == self._rules.disco_topic
            and names.SWITCH_CONNECT.encode() in (send.value or b"")
        }
        for at, send in enumerate(effects.sends):
            if send.topic == self._rules.disco_topic and self._is_gone(send.value or b""):
                switch = (send.key or b"").decode()
                # The later of two syncs in one batch counts, unless it brings the switch back.
                held = [self._holds(run, switch) for run in complete]
                if (chains and all(switch in chain for chain in chains)) or (
                    held
                    and (all(held) if back.get(send.key, -1) > at else held[-1])
                    and not any(_names(item, switch) for item in items)
                ):
                    raise Violation(
                        "only what is certain is told",
                        f"{floodlights[0]} lists {switch}, which is told gone",
                    )

    def _is_gone(self, notice: bytes) -> bool:
        return OFFLINE in notice or (DISCONNECT in notice and REGION_OFFLINE not in notice)

    def _is_over(self, note: peers.Peer, now: int, looked: int | None) -> None:
        """A list without an end is taken for whole."""
        assert isinstance(note, peers.SyncComplete)
        if looked is None:
            raise Violation("a sync ends in silence", f"{note}: nobody looked at what lies unread")
        run = note.floodlight, note.attempt
        self._looked[run] = looked
        last = max((at for at, _, _ in self._wrote.get(run, ()) if at < looked), default=0)
        if now < last + self._rules.sync_quiet and not self._skewed:
            raise Violation("a sync ends in silence", f"{note} at {now}: it wrote at {last}")

    def _holds(self, run: tuple[str, int], switch: str) -> bool:
        """Whether a list that is over has a switch, as its FL's own."""
        looked = self._looked.get(run, 0)
        wrote = self._wrote.get(run, ())
        modes = {master for at, listed, master in wrote if listed == switch and at < looked}
        return modes == {True}

    def told(self, record: Record) -> None:
        """The router wrote something for listeners."""
        if record.topic != self._rules.disco_topic:
            return
        headers = dict(record.headers)
        if headers.get(REQUEST, b"").startswith(b"sync/"):
            floodlight = headers[REQUEST].decode().partition("/")[2]
            self._owed.pop((floodlight, record.json["correlation_id"]), None)
        elif SYNC_BEGAN in headers:
            self._link(record)
        elif self._rules.sync_by_dump_id and names.DUMP_SWITCH.encode() in record.value:
            switch = (record.key or b"").decode()
            self.dumped.add((_dump.decode(record.value).payload.dump_id, switch))

    def _link(self, record: Record) -> None:
        envelope = decode(record.value)
        key = (record.key or b"").decode()
        if envelope.form is Form.ERROR:
            raise Violation(
                "a sync has one answer", f"{key}: an FL's error, after which it is retried"
            )
        try:
            whole = is_link(envelope) and self._assembler.take(record.value, envelope, 0, key)
        except BadLink:
            return
        if whole:
            self._whole.add(key)
        whole = whole or key in self._whole
        suffix = self._suffixes.read(key)
        number = read_sync_number(suffix.number) if suffix is not None else None
        if whole and suffix is not None and number is not None:
            self._owed.pop((number[1], suffix.original), None)

    def check_dumped(self, dump_id: str, switches: Collection[str]) -> None:
        """Everything was quiet: who asked for a sync under this id got these switches."""
        missing = [switch for switch in switches if (dump_id, switch) not in self.dumped]
        if missing:
            raise Violation("who asks for a sync gets chains", f"{dump_id}: not {missing}")

    def check_all_served(self) -> None:
        """Everything is quiet now, so nobody waits for a chain any more."""
        if self._owed:
            raise Violation("who asks for a sync gets chains", f"{self._owed}")


def _names(item: Input, switch: str) -> bool:
    """Whether an FL says something of a switch, which may be that it is gone."""
    return isinstance(item, Report) and switch.encode() in item.data
