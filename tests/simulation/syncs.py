"""The promises of syncs: who asks for one gets chains, and nobody is told what is not certain."""

from __future__ import annotations

from flrouter.core import peers
from flrouter.core.effects import Effects
from flrouter.core.inputs import Input, Told
from flrouter.core.request import Suffixes
from flrouter.core.sync_run import read_sync_number
from flrouter.messages import names
from flrouter.messages.chains import BadLink
from flrouter.messages.envelope import decode
from flrouter.network.chains import Assembler, is_link
from tests.core.world import TOPICS, Record

from .promises import REQUEST, Violation, note_of

#: how the correlation ids of notices begin that say that a switch is gone.
OFFLINE = b'"offline-'


class SyncPromises:
    """Hears of every sync that is asked for, every chain, and every switch that is told gone."""

    def __init__(self, suffixes: Suffixes) -> None:
        self._suffixes = suffixes
        #: (FL, requester's id) → since when (ms) it is owed a chain or an error.
        self._owed: dict[tuple[str, str], int] = {}
        #: (FL, attempt) → the switches that the FL listed, each time that it was asked.
        self._listed: dict[tuple[str, int], list[frozenset[str]]] = {}
        #: puts the chains together as listeners do; it has all the time that there is.
        self._assembler = Assembler(patience=1 << 40)

    def made(self, correlation_id: str, floodlight: str, switches: frozenset[str]) -> None:
        """An FL was asked, and lists these."""
        suffix = self._suffixes.read(correlation_id)
        number = read_sync_number(suffix.number) if suffix is not None else None
        if number is not None:
            self._listed.setdefault((floodlight, number[0]), []).append(switches)

    def passed(self, record: Record, at: int) -> None:
        """A shard told another something."""
        note = note_of(record, b"SyncWanted")
        if isinstance(note, peers.SyncWanted) and note.correlation_id != peers.OWN_SYNC:
            self._owed[note.floodlight, note.correlation_id] = at

    def decided(self, items: list[Input], effects: Effects) -> None:
        """A batch was decided: switches that it tells as gone are in no chain that ended."""
        floodlights = [label for what, label in effects.counts if what == "offline"]
        if len(floodlights) != 1:
            return
        notes = [item.peer for item in items if isinstance(item, Told)]
        notes += [
            peers.decode(send.value or b"")
            for send in effects.sends
            if dict(send.headers).get("flrouter-what") == b"peer"
        ]
        chains = [
            chain
            for note in notes
            if isinstance(note, peers.SyncComplete) and note.floodlight == floodlights[0]
            for chain in self._listed.get((note.floodlight, note.attempt), ())
        ]
        for send in effects.sends:
            if send.topic == TOPICS["disco"] and OFFLINE in (send.value or b""):
                switch = (send.key or b"").decode()
                if chains and all(switch in chain for chain in chains):
                    raise Violation(
                        "only what is certain is told",
                        f"{floodlights[0]} lists {switch}, which is told gone",
                    )

    def told(self, record: Record) -> None:
        """The router wrote something for listeners."""
        if record.topic != TOPICS["disco"]:
            return
        headers = dict(record.headers)
        if headers.get(REQUEST, b"").startswith(b"sync/"):
            floodlight = headers[REQUEST].decode().partition("/")[2]
            self._owed.pop((floodlight, record.json["correlation_id"]), None)
        elif names.SYNC_BEGAN in headers:
            self._link(record)

    def _link(self, record: Record) -> None:
        envelope = decode(record.value)
        key = (record.key or b"").decode()
        try:
            whole = is_link(envelope) and self._assembler.take(record.value, envelope, 0, key)
        except BadLink:
            return
        suffix = self._suffixes.read(key)
        number = read_sync_number(suffix.number) if suffix is not None else None
        if whole and suffix is not None and number is not None:
            self._owed.pop((number[1], suffix.original), None)

    def check_all_served(self) -> None:
        """Everything is quiet now, so nobody waits for a chain any more."""
        if self._owed:
            raise Violation("who asks for a sync gets chains", f"{self._owed}")
