"""Sync: an FL's chain of switches and ports, proxied link by link and followed (protocol.md, 6).

The FL's home leads: it tells every shard that a sync starts and waits for their receipts, asks the
FL, follows the chain, and tells the switches' homes what it lists and when it is whole.
"""

from __future__ import annotations

from collections.abc import Callable

from flrouter.core import peers
from flrouter.core.context import Context
from flrouter.core.inputs import Report
from flrouter.core.links import Links
from flrouter.core.request import read_number
from flrouter.core.switches import SwitchMap
from flrouter.core.sync_status import SyncStatus
from flrouter.messages import build, names
from flrouter.messages.chains import BadLink, OldLink, link_of
from flrouter.messages.envelope import Envelope, Form
from flrouter.messages.errors import ErrorType
from flrouter.messages.origin import switch_of

_PREFIX = "sync."


def sync_number(attempt: int, floodlight: str) -> str:
    """Stands where a request number does in the correlation id of a SyncRequest."""
    return f"{_PREFIX}{attempt}.{floodlight}"


def read_sync_number(number: str) -> tuple[int, str] | None:
    """The attempt and the FL that :func:`sync_number` wrote; None for a request number."""
    if not number.startswith(_PREFIX):
        return None
    text, _, floodlight = number[len(_PREFIX) :].partition(".")
    attempt = read_number(text)
    if attempt is None or not floodlight:
        return None
    return attempt, floodlight


class Sync:
    """One sync of one FL, in its home. Not kept: after a restart the next attempt begins."""

    __slots__ = (
        "ahead",
        "asked",
        "correlation_id",
        "due",
        "links",
        "next_index",
        "retries",
        "waiting_for",
    )

    def __init__(self, correlation_id: str, retries: int, waiting_for: set[int]) -> None:
        self.correlation_id = correlation_id
        self.retries = retries
        #: shards whose receipt is not here yet; the FL is asked when all are.
        self.waiting_for = waiting_for
        #: ms: when the next link is overdue; 0 before the FL was asked.
        self.due = 0
        self.asked = 0
        #: how many have come.
        self.links = 0
        self.next_index = 0
        self.ahead: set[int] = set()


class Syncs:
    """The syncs of the FLs whose home this shard is, and this shard's part in all others."""

    def __init__(
        self, context: Context, switches: SwitchMap, links: Links, settled: Callable[[], None]
    ) -> None:
        """Args:
        settled: called when a sync is over, whole or given up.
        """
        self._context = context
        self._switches = switches
        self._links = links
        self._settled = settled
        self._running: dict[str, Sync] = {}
        #: FL → (when to start its next sync, retries so far, under which id).
        self._planned: dict[str, tuple[int, int, str]] = {}
        self._listed: dict[tuple[str, int, int], list[str]] = {}
        #: FL → when its last sync ended (ms), whether it was whole. Not kept: only to be shown.
        self._ended: dict[str, tuple[int, bool]] = {}

    def rebuild(self) -> None:
        """Plan the syncs that a restart cut short, or that nobody began."""
        for name, state in self._context.floodlights.items():
            if state.known and state.up and self._context.home(name) == self._context.number:
                cut_short = state.owed or state.syncing or not state.synced
                wait = 0 if cut_short else self._context.rules.sync_interval
                if cut_short or wait:
                    under = state.owed_to or peers.OWN_SYNC
                    self._planned[name] = (self._context.now + wait, 0, under)

    # -- leading ------------------------------------------------------------------------------

    def wanted(self, floodlight: str, correlation_id: str) -> None:
        """Somebody asks for a sync; it joins the one that runs."""
        context = self._context
        state = context.floodlights.get(floodlight)
        if state is None or not state.known or not state.up:
            if correlation_id == peers.OWN_SYNC:
                return  # there will be one when it is back
            self._tell_error(
                floodlight,
                correlation_id,
                ErrorType.NOT_FOUND,
                f"floodlight {floodlight} is not answering",
            )
        else:
            self.start(floodlight, correlation_id)

    def start(
        self, floodlight: str, correlation_id: str = peers.OWN_SYNC, retries: int = 0
    ) -> None:
        """Begin a sync of an FL, unless one runs."""
        context = self._context
        if floodlight in self._running:
            return
        self._planned.pop(floodlight, None)
        state = context.floodlights[floodlight]
        # By the clock, or an attempt that a kill kept out of the changelog would have this number.
        state.attempt = max(state.attempt + 1, context.now)
        state.owed = True
        state.owed_to = correlation_id if correlation_id != peers.OWN_SYNC else ""
        context.floodlights.put(floodlight, state)
        others = set(range(context.rules.partitions)) - {context.number}
        self._running[floodlight] = Sync(correlation_id, retries, others)
        started = peers.SyncStarted(floodlight, state.attempt)
        context.tell_others(started)
        self.started(started)
        context.count("syncs", floodlight)
        if not others:
            self._ask(floodlight)

    def receipt(self, note: peers.SyncReceipt) -> None:
        """A shard has noted that the sync started; when all have, the FL is asked."""
        sync = self._running.get(note.floodlight)
        state = self._context.floodlights.get(note.floodlight)
        if sync is None or state is None or state.attempt != note.attempt:
            return
        if note.shard in sync.waiting_for:
            sync.waiting_for.discard(note.shard)
            if not sync.waiting_for:
                self._ask(note.floodlight)

    def _id(self, floodlight: str) -> str:
        attempt = self._context.floodlights[floodlight].attempt
        return self._context.suffixes.add(
            self._running[floodlight].correlation_id,
            self._context.number,
            sync_number(attempt, floodlight),
        )

    def _ask(self, floodlight: str) -> None:
        context = self._context
        self._running[floodlight].due = context.now + context.rules.sync_timeout
        context.send(
            context.rules.read_topic(floodlight),
            floodlight,
            build.sync_request(self._id(floodlight), context.now),
            partition=context.number,
        )

    def cancel(self, floodlight: str, why: str) -> None:
        """The FL is in outage, where its next sync begins when it is back, or is removed.

        Whoever asked for the sync that ends here is told.
        """
        self._running.pop(floodlight, None)
        self._planned.pop(floodlight, None)
        state = self._context.floodlights[floodlight]
        if state.owed_to:
            self._tell_error(floodlight, state.owed_to, ErrorType.NOT_FOUND, why)
            state.owed_to = ""
            self._context.floodlights.put(floodlight, state)

    def take(
        self, report: Report, envelope: Envelope, form: Form, attempt: int, floodlight: str
    ) -> None:
        """A record that the FL sent for a sync."""
        context = self._context
        sync = self._running.get(floodlight)
        current = context.floodlights.get(floodlight)
        if (
            sync is None
            or current is None
            or current.attempt != attempt
            or report.floodlight != floodlight
            or envelope.kind == names.ACK
        ):
            if envelope.kind != names.ACK:
                context.count("late", report.floodlight)
            return
        whole = envelope.kind == names.DUMP_END
        if form is Form.CHUNK:
            try:
                link = link_of(envelope)
            except BadLink as error:
                context.dead_letter(report.origin, report.data, str(error), report.headers)
                return
            if isinstance(link, OldLink):
                whole = link.next_id is None
                if link.next_id is not None:
                    due = context.now + context.rules.sync_timeout
                    number = sync_number(attempt, floodlight)
                    self._links.expect(link.next_id, floodlight, number, due)
            else:
                if link.index >= 0 and (link.index < sync.next_index or link.index in sync.ahead):
                    context.count("duplicate_links", floodlight)
                    return
                sync.ahead.add(link.index)
                while sync.next_index in sync.ahead:
                    sync.ahead.discard(sync.next_index)
                    sync.next_index += 1
                whole = link.index < 0 or sync.next_index == link.total
        headers = [item for item in report.headers if item[0] != names.SYNC_BEGAN]
        headers.append((names.SYNC_BEGAN, str(attempt).encode()))
        context.send(context.rules.disco_topic, self._id(floodlight), report.data, tuple(headers))
        if form is Form.ERROR:
            self._failed(floodlight)
            return
        sync.links += 1
        sync.due = context.now + context.rules.sync_timeout
        switch = switch_of(envelope, report.data, context.catalog.places)
        if switch is not None:
            key = (floodlight, attempt, context.home(switch))
            self._listed.setdefault(key, []).append(switch)
        if whole:
            self._complete(floodlight, attempt)

    def _complete(self, floodlight: str, attempt: int) -> None:
        context = self._context
        self.tell_listed()
        del self._running[floodlight]
        self._ended[floodlight] = (context.now, True)
        complete = peers.SyncComplete(floodlight, attempt)
        context.tell_others(complete)
        self.completed(complete)
        self._settle_up(floodlight)
        if context.rules.sync_interval:
            self._planned[floodlight] = (
                context.now + context.rules.sync_interval,
                0,
                peers.OWN_SYNC,
            )

    def tell_listed(self) -> None:
        """Tell the switches' homes what the chains of this batch listed."""
        for (floodlight, attempt, home), switches in self._listed.items():
            records = peers.SyncRecords(floodlight, attempt, switches)
            if home == self._context.number:
                self.records(records)
            else:
                self._context.tell(home, records)
        self._listed.clear()

    def _failed(self, floodlight: str) -> None:
        """The chain is missing or incomplete: again, later and later, up to a limit."""
        context, rules = self._context, self._context.rules
        sync = self._running.pop(floodlight)
        self._ended[floodlight] = (context.now, False)
        attempt = context.floodlights[floodlight].attempt
        final = sync.retries >= rules.sync_retries
        failed = peers.SyncFailed(floodlight, attempt, final)
        context.tell_others(failed)
        self.failed(failed)
        context.count("syncs_failed", floodlight)
        if final:
            self._settle_up(floodlight)
            what = f"floodlight {floodlight} did not list its switches"
            context.note(f"{what} in {sync.retries + 1} syncs")
            self._tell_error(floodlight, sync.correlation_id, ErrorType.OPERATION_TIMED_OUT, what)
            if rules.sync_interval:
                again = context.now + rules.sync_interval
                self._planned[floodlight] = (again, 0, peers.OWN_SYNC)
        else:
            again = context.now + min(rules.alive_interval * 2**sync.retries, 60_000)
            self._planned[floodlight] = (again, sync.retries + 1, sync.correlation_id)

    def _settle_up(self, floodlight: str) -> None:
        """No sync is owed any more, so nobody who takes over needs to begin one."""
        state = self._context.floodlights[floodlight]
        state.owed, state.owed_to = False, ""
        self._context.floodlights.put(floodlight, state)

    def _tell_error(
        self, floodlight: str, correlation_id: str, kind: ErrorType, message: str
    ) -> None:
        self._context.answer_error(
            self._context.rules.disco_topic,
            correlation_id,
            kind,
            message,
            "What its switches are is not known until a sync of it succeeds.",
            origin=f"sync/{floodlight}",
            key=floodlight,
        )

    def tick(self) -> None:
        """Begin what is planned, and see whose chain has stopped."""
        context = self._context
        for floodlight, (when, retries, correlation_id) in list(self._planned.items()):
            state = context.floodlights.get(floodlight)
            if state is None or not state.known or not state.up:
                del self._planned[floodlight]
            elif when <= context.now:
                self.start(floodlight, correlation_id, retries)
        for floodlight, sync in list(self._running.items()):
            if not context.floodlights[floodlight].known:
                del self._running[floodlight]
            elif sync.due and sync.due <= context.now and not sync.asked:
                sync.asked = context.catch_up(floodlight)

    def caught_up(self, token: int) -> None:
        """The FL's write topic was read to its end: what is missing now is missing."""
        for floodlight, sync in list(self._running.items()):
            if sync.asked == token:
                sync.asked = 0
                if sync.due <= self._context.now:
                    self._failed(floodlight)

    def status(self) -> list[SyncStatus]:
        """How far the syncs of the FLs are whose home this is."""
        context = self._context
        found = []
        for name in context.known_floodlights():
            if context.home(name) != context.number:
                continue
            sync = self._running.get(name)
            planned, retries, _ = self._planned.get(name, (0, 0, ""))
            ended, succeeded = self._ended.get(name, (0, False))
            found.append(
                SyncStatus(
                    name,
                    running=sync is not None,
                    began=context.floodlights[name].attempt,
                    retries=retries if sync is None else sync.retries,
                    links=0 if sync is None else sync.links,
                    waiting_for=[] if sync is None else sorted(sync.waiting_for),
                    planned=planned,
                    ended=ended,
                    succeeded=succeeded,
                )
            )
        return found

    # -- following ----------------------------------------------------------------------------

    def started(self, note: peers.SyncStarted) -> None:
        """In every shard: live events of this FL win over the chain from here on."""
        context = self._context
        state = context.floodlights.get(note.floodlight)
        if state is not None and note.attempt > state.syncing:
            state.syncing = note.attempt
            context.floodlights.put(note.floodlight, state)
        home = context.home(note.floodlight)
        if home != context.number:
            receipt = peers.SyncReceipt(note.floodlight, note.attempt, context.number)
            context.tell(home, receipt)

    def records(self, note: peers.SyncRecords) -> None:
        """In a switch's home: the chain lists it."""
        state = self._context.floodlights.get(note.floodlight)
        if state is not None and state.known and state.syncing == note.attempt:
            for switch in note.switches:
                self._switches.listed(switch, note.floodlight, note.attempt)

    def completed(self, note: peers.SyncComplete) -> None:
        """In every shard: the chain was whole, so what it did not list is gone."""
        state = self._over(note.floodlight, note.attempt)
        if state:
            self._switches.sync_complete(note.floodlight, note.attempt)
            self._settled()

    def failed(self, note: peers.SyncFailed) -> None:
        """In every shard: nobody knows the state of this FL's switches."""
        if self._over(note.floodlight, note.attempt, given_up=note.final):
            self._switches.sync_failed(note.floodlight)
            self._settled()

    def _over(self, floodlight: str, attempt: int, *, given_up: bool = True) -> bool:
        """Note the end of a sync; False when it is not the one that runs."""
        state = self._context.floodlights.get(floodlight)
        if state is None or state.syncing != attempt:
            return False
        state.syncing = 0
        state.synced = state.synced or given_up
        self._context.floodlights.put(floodlight, state)
        return True
