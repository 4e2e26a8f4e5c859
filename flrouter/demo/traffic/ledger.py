"""The ledger: every command that was sent, and what became of it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping, Sequence

import msgspec

from flrouter.demo.traffic.commands import DemoCommand, ExpectedAnswer
from flrouter.demo.traffic.outages import Outages
from flrouter.messages import names
from flrouter.messages.chains import Link, OldFormLink, link_of
from flrouter.messages.envelope import Envelope, Form, decode, form_of

#: s; how long an answered command is remembered, to notice a second answer.
REMEMBER_S = 60.0
#: lines about errors that are kept.
MAX_NOTES = 1_000

_OUTAGE_ERRORS = {"NOT_FOUND", "OPERATION_TIMED_OUT"}
_MALFORMED_ERRORS = {"REQUEST_INVALID", "DATA_INVALID", "PARAMETERS_INVALID"}


class Entry(msgspec.Struct):
    """One command and its answer so far."""

    command: DemoCommand
    #: monotonic seconds.
    sent: float
    answered: bool = False
    #: indexes of the links of its chain that have come.
    links: set[int] = set()


class Ledger:
    """Keeps account of commands and their answers."""

    def __init__(self, homes: Mapping[str, Sequence[str]], outages: Outages) -> None:
        #: switch → the FLs that hold it.
        self._homes = homes
        self._outages = outages
        self._entries: dict[str, Entry] = {}
        self._open_syncs: dict[str, Entry] = {}
        self._chains: dict[str, set[int]] = {}
        self._done: deque[tuple[float, str]] = deque()
        self._latencies: Counter[int] = Counter()
        self.sent = 0
        self.answered = 0
        self.duplicates = 0
        self.errors: Counter[str] = Counter()
        #: commands whose error an outage explains, until a caller takes them.
        self.excused: deque[DemoCommand] = deque(maxlen=10_000)
        #: a line for each wrong answer; at most MAX_NOTES.
        self.wrong: list[str] = []

    @property
    def unanswered(self) -> int:
        """How many commands have no final answer."""
        return self.sent - self.answered

    def send(self, command: DemoCommand, now: float) -> None:
        """Note that a command is sent."""
        entry = self._entries[command.correlation_id] = Entry(command, now)
        if command.answer is ExpectedAnswer.SYNC:
            self._open_syncs[command.correlation_id] = entry
        self.sent += 1
        while self._done and self._done[0][0] < now - REMEMBER_S:
            self._entries.pop(self._done.popleft()[1], None)

    def take(self, value: bytes, now: float) -> None:
        """Take a record from a topic for answers."""
        envelope = decode(value)
        form = form_of(envelope.clazz)
        entry = self._entries.get(envelope.correlation_id or "")
        if entry is None:
            if form is Form.CHUNK:
                self._sync_link(envelope, now)
            elif envelope.kind == names.DUMP_SWITCH:
                self._dumped(envelope, now)
        elif form is Form.ERROR:
            self._error(entry, msgspec.json.decode(value)["payload"], now)
        elif form is Form.CHUNK:
            self._link(entry, envelope, now)
        else:
            self._final(entry, now)

    def _final(self, entry: Entry, now: float) -> None:
        """Take an answer that is complete and no error."""
        if entry.command.answer is ExpectedAnswer.ERROR:
            self._note(f"{entry.command.correlation_id} is malformed, and was carried out")
        if self._settle(entry, now):
            self._latencies[round((now - entry.sent) * 10_000)] += 1

    def _settle(self, entry: Entry, now: float) -> bool:
        """Count a final answer; returns whether it is the command's first."""
        command = entry.command
        if entry.answered:
            if command.answer in (ExpectedAnswer.ONCE, ExpectedAnswer.ERROR):
                self.duplicates += 1
                self._note(f"{command.correlation_id} was answered again")
            return False
        entry.answered = True
        self.answered += 1
        self._done.append((now, command.correlation_id))
        self._open_syncs.pop(command.correlation_id, None)
        return True

    def _link(self, entry: Entry, envelope: Envelope, now: float) -> None:
        link = link_of(envelope)
        if isinstance(link, OldFormLink):
            if link.next_id is None:
                self._final(entry, now)
        elif _whole(entry.links, link) or entry.answered:
            self._final(entry, now)

    def _sync_link(self, envelope: Envelope, now: float) -> None:
        """Take a link of a sync's chain.

        The router joins syncs that are in flight: one complete chain answers all of them.
        """
        link = link_of(envelope)
        name = envelope.correlation_id or ""
        if isinstance(link, OldFormLink) or not _whole(self._chains.setdefault(name, set()), link):
            return
        del self._chains[name]
        for entry in list(self._open_syncs.values()):
            self._final(entry, now)

    def _dumped(self, envelope: Envelope, now: float) -> None:
        """Take a switch of a dump. A dump has no end, so its first switch counts as the answer."""
        asked = envelope.payload.dump_id if envelope.payload is not None else None
        entry = self._open_syncs.get(asked) if isinstance(asked, str) else None
        if entry is not None:
            self._final(entry, now)

    def _error(self, entry: Entry, error: Mapping[str, str], now: float) -> None:
        command, kind = entry.command, error.get("error-type", "")
        self.errors[kind] += 1
        if command.answer is ExpectedAnswer.ERROR:
            expected = kind in _MALFORMED_ERRORS
        else:
            floodlights = self._homes[command.switch] if command.switch else (None,)
            expected = kind in _OUTAGE_ERRORS and any(
                self._outages.excuse(floodlight, entry.sent, now) for floodlight in floodlights
            )
            if expected:
                self.excused.append(command)
        if not expected:
            text = error.get("error-message", "")
            self._note(f"{command.correlation_id} ended in {kind}: {text}")
        self._settle(entry, now)

    def _note(self, text: str) -> None:
        if len(self.wrong) < MAX_NOTES:
            self.wrong.append(text)

    def percentile(self, share: float) -> float | None:
        """The latency (ms) that a `share` of the FLs' answers did not exceed; None without any."""
        rest = share * self._latencies.total()
        for latency in sorted(self._latencies):
            rest -= self._latencies[latency]
            if rest <= 0:
                return latency / 10
        return None


def _whole(seen: set[int], link: Link) -> bool:
    """Note a link of a chain; returns whether it completes the chain."""
    seen.add(link.index)
    return link.index < 0 or len(seen) == link.total
