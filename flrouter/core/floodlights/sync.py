"""Sync: an FL's chain of switches and ports, proxied link by link and followed (protocol.md, 6.1).

The FL's home leads. It tells every shard that a sync starts, waits for their receipts, asks the FL,
follows the chain, and tells the switches' homes what it lists and when it is whole.

One sync serves all requesters who asked before its chain began, each under an id of its own. Later
ones are served by the next sync.

A sync's life: what happens to it, in which stage, and what follows (= nothing). It is *told* to the
shards, *asked* for at the FL, *listing* once links come, *planned* to be tried again after a pause,
or there is *none*; with SYNC_INTERVAL one that is over plans the next, which begins at once if
somebody asks for it. `tests/core/test_a_syncs_life.py` tries each cell.

===================================  =====  =======  =======  =======  =======
what happens                         none   planned  told     asked    listing
===================================  =====  =======  =======  =======  =======
somebody asks for one                told   =        =        =        =
every shard has noted that it began  =      =        asked    =        =
a shard notes one that does not run  told   =        =        =        =
a link comes                         =      =        =        listing  =
the last link comes                  =      =        none     none     none
an error comes                       =      =        planned  planned  planned
an error comes to the last try       =      =        none     none     none
nothing comes in time                =      told     =        planned  planned
the FL goes down                     =      none     none     none     none
the FL is removed                    =      none     none     none     none
===================================  =====  =======  =======  =======  =======
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import repeat

from flrouter.core.floodlights.sync_run import Plan, Sync, SyncStatus, and_also, sync_number
from flrouter.core.requests.links import Links
from flrouter.core.requests.parts import FULL_RECORD_BYTES, in_records
from flrouter.core.state.context import MAX_TOLD_CHARACTERS, Context
from flrouter.core.switches.holders import SwitchMap
from flrouter.core.values import peers
from flrouter.core.values.events import Event
from flrouter.core.values.inputs import Report
from flrouter.core.values.records import MAX_TIME_MS, Mode
from flrouter.messages import headers as header
from flrouter.messages import names
from flrouter.messages.chains import BadLink, Link, OldFormLink, follow, has_come, link_of
from flrouter.messages.correlation import with_correlation_id
from flrouter.messages.envelope import Envelope, Form
from flrouter.messages.errors import ErrorType, Problem
from flrouter.messages.forms import build
from flrouter.messages.forms.notifications import with_dump_id
from flrouter.messages.kinds.places import switch_of

#: who may wait for one FL's sync: each gets a copy of every link.
MAX_REQUESTERS = 16
#: syncs that a former owner may have begun beyond the last one that other shards know.
UNHEARD_ATTEMPTS = 1_000
#: the longest pause between two attempts.
MAX_RETRY_DELAY_MS = 60_000


@dataclass(eq=False)
class Syncs:
    """The syncs of the FLs whose home this shard is, and this shard's part in all others."""

    _context: Context
    _switches: SwitchMap
    _links: Links
    #: called when a sync is over, whole or given up.
    _settled: Callable[[], None]

    def __post_init__(self) -> None:
        self._running: dict[str, Sync] = {}
        self._planned: dict[str, Plan] = {}
        #: of this batch: (FL, attempt, home, mode) → the switches that were listed, each with its
        #: record if the switch's home passes that on.
        self._listed: dict[tuple[str, int, int, Mode | None], list[tuple[str, bytes]]] = {}
        #: FL → when its last sync ended (ms), whether it was whole. Only to be shown.
        self._ended: dict[str, tuple[int, bool]] = {}

    def rebuild(self) -> None:
        """Plan the syncs that a restart cut short, and those that never began."""
        for name, state in self._context.floodlights.items():
            if state.known and state.up and self._context.home(name) == self._context.number:
                cut_short = state.owed or state.syncing or not state.synced
                wait = 0 if cut_short else self._context.rules.sync_interval
                if cut_short or wait:
                    owed = [state.owed_to, *state.owed_more] if state.owed_to else [peers.OWN_SYNC]
                    self._planned[name] = Plan(self._context.now + wait, 0, owed)

    # -- leading ------------------------------------------------------------------------------

    def wanted(self, floodlight: str, correlation_id: str) -> None:
        """Somebody asks for a sync of an FL (protocol.md, 6.1)."""
        context = self._context
        state = context.floodlights.get(floodlight)
        if state is not None and state.known and state.up:
            self.serve(floodlight, correlation_id)
        elif correlation_id != peers.OWN_SYNC:  # which begins anyway when the FL is back
            silent = ErrorType.NOT_FOUND, f"floodlight {floodlight} is not answering"
            self._tell_error(floodlight, correlation_id, *silent)

    def serve(self, floodlight: str, correlation_id: str = peers.OWN_SYNC) -> None:
        """Send a chain of an FL that answers under this id too.

        It is the chain of the sync that runs or is to be repeated, if no link of that has gone out,
        else of the next one (protocol.md, 6.1).
        """
        context = self._context
        sync = self._running.get(floodlight)
        plan = self._planned.get(floodlight, Plan(context.now, 0, []))
        asking = and_also(plan.requesters if sync is None else sync.everybody, correlation_id)
        if len(asking) > MAX_REQUESTERS:
            busy = f"floodlight {floodlight} is syncing, and {MAX_REQUESTERS} requests wait for it"
            advice = "Ask again when one of them has its chain."
            self._tell_error(floodlight, correlation_id, ErrorType.INTERNAL_ERROR, busy, advice)
        elif sync is None and not plan.retries:
            self._begin(floodlight, asking, 0)
        else:
            if sync is None:
                self._planned[floodlight] = plan._replace(requesters=asking)
            elif sync.links:
                sync.waiting = and_also(sync.waiting, correlation_id)
            else:
                sync.requesters = asking
            self._owe(floodlight, asking)

    def _begin(self, floodlight: str, requesters: list[str], retries: int) -> None:
        context = self._context
        self._planned.pop(floodlight, None)
        state = context.floodlights[floodlight]
        # By the clock: after a kill the last attempt may be unknown here.
        state.attempt = max(state.attempt + 1, context.now)
        self._owe(floodlight, requesters)
        others = set(range(context.rules.partitions)) - {context.number}
        self._running[floodlight] = Sync(requesters, retries, others)
        started = peers.SyncStarted(floodlight, state.attempt)
        context.tell_others(started)
        self.started(started)
        context.count(Event.SYNCS, floodlight)
        if not others:
            self._ask(floodlight)

    def _owe(self, floodlight: str, requesters: list[str]) -> None:
        """Keep who is to get a chain, for a new owner of the shard."""
        state = self._context.floodlights[floodlight]
        owed = [requester for requester in requesters if requester != peers.OWN_SYNC]
        state.owed = True
        state.owed_to, state.owed_more = (owed[0], owed[1:]) if owed else ("", [])
        self._context.floodlights.put(floodlight, state)

    def receipt(self, note: peers.SyncReceipt) -> None:
        """A shard has noted that the sync started; when all have, the FL is asked.

        If none runs, a former owner of this shard told of one, or the other shard reads again after
        a kill. Nobody would end that sync: another one does.
        """
        sync = self._running.get(note.floodlight)
        state = self._context.floodlights.get(note.floodlight)
        if state is not None and state.attempt < note.attempt < MAX_TIME_MS:
            # A former owner began it, and perhaps a few more, and was killed before it kept them.
            state.attempt = note.attempt + UNHEARD_ATTEMPTS
            self._context.floodlights.put(note.floodlight, state)
            if sync is not None:
                self._begin(note.floodlight, sync.everybody, sync.retries)
                return
        if sync is None:
            self.wanted(note.floodlight, peers.OWN_SYNC)
        elif state is not None and state.attempt == note.attempt and note.shard in sync.waiting_for:
            sync.waiting_for.discard(note.shard)
            if not sync.waiting_for:
                self._ask(note.floodlight)

    def _id(self, floodlight: str, requester: str) -> str:
        attempt = self._context.floodlights[floodlight].attempt
        number = sync_number(attempt, floodlight)
        return self._context.suffixes.add(requester, self._context.number, number)

    def _ask(self, floodlight: str) -> None:
        context = self._context
        sync = self._running[floodlight]
        sync.due = context.now + context.rules.sync_patience_at_first
        asked = self._id(floodlight, sync.requesters[0])
        dump_id = asked if context.rules.sync_by_dump_id else ""
        request = build.sync_request(asked, context.now, dump_id)
        topic = context.rules.read_topic(floodlight)
        context.send(topic, floodlight, request, partition=context.number)

    def cancel(self, floodlight: str, why: str) -> None:
        """The FL is in outage or removed: tell those who asked for its sync."""
        self._running.pop(floodlight, None)
        self._planned.pop(floodlight, None)
        state = self._context.floodlights[floodlight]
        if state.owed_to:
            for requester in (state.owed_to, *state.owed_more):
                self._tell_error(floodlight, requester, ErrorType.NOT_FOUND, why)
            state.owed_to, state.owed_more = "", []
            self._context.floodlights.put(floodlight, state)

    def take(
        self, report: Report, envelope: Envelope, form: Form, attempt: int, floodlight: str
    ) -> None:
        """A record that an FL sent for a sync: `attempt` of `floodlight` (protocol.md, 6.1)."""
        context = self._context
        if envelope.kind == names.ACK:
            return
        sync, state = self._running.get(floodlight), context.floodlights.get(floodlight)
        current = state is not None and state.attempt == attempt
        if sync is None or not current or report.floodlight != floodlight:
            context.count(Event.LATE, report.floodlight)
            return
        if envelope.kind == names.DUMP_END:
            # Records from before the marker may still lie in other partitions.
            if sync.end is None:
                sync.end = report, envelope
                sync.asked = context.catch_up(floodlight, partial(self._read, floodlight))
            return
        try:
            link = link_of(envelope) if form is Form.CHUNK else None
        except BadLink as error:
            context.dead_letter_of(report, str(error))
            return
        switch = switch_of(envelope, report.data, context.catalog.places)
        if isinstance(link, Link) and sync.begins_anew(link, switch):
            context.note(f"floodlight {floodlight} begins the chain of a sync anew")
            self._failed(floodlight)
            return
        whole = link is not None and self._follow(sync, link, attempt, floodlight)
        if whole is None:
            context.count(Event.DUPLICATE_LINKS, floodlight)
            return
        if form is Form.ERROR:  # not for listeners: a chain may follow
            said = report.data[:MAX_TOLD_CHARACTERS]
            context.note(f"floodlight {floodlight} answers a sync request with an error: {said!r}")
            self._failed(floodlight)
            return
        self._pass_on(sync, floodlight, report, envelope)
        sync.begun = sync.begun or envelope.kind == names.DUMP_BEGIN
        sync.links += 1
        sync.due = context.now + context.rules.sync_patience
        if switch is not None:
            key = (floodlight, attempt, context.home(switch), mode_of(envelope))
            dumps = self._dumps(sync, report)
            self._listed.setdefault(key, []).extend((switch, dump) for dump in dumps)
        if whole:
            self._complete(floodlight, attempt)

    def _follow(
        self, sync: Sync, link: Link | OldFormLink, attempt: int, floodlight: str
    ) -> bool | None:
        """Note a link: True if the chain is whole with it, None if the link has come before."""
        if isinstance(link, OldFormLink):
            if link.next_id is not None:
                due = self._context.now + self._context.rules.sync_timeout
                number = sync_number(attempt, floodlight)
                self._links.expect(link.next_id, floodlight, number, due)
            return link.next_id is None
        return None if has_come(sync, link) else follow(sync, link)

    def _pass_on(self, sync: Sync, floodlight: str, report: Report, envelope: Envelope) -> None:
        """Send a record of the chain to listeners, once for each requester under its own id."""
        context = self._context
        if context.rules.dumps_by_master:
            return  # the switch's home does that: it knows the master
        attempt = context.floodlights[floodlight].attempt
        headers = [item for item in report.headers if item[0] != header.SYNC_BEGAN]
        headers.append((header.SYNC_BEGAN, str(attempt).encode()))
        came_under = envelope.correlation_id
        ours = context.suffixes.read(came_under) is not None  # an older link has an id of its own
        for requester in sync.requesters:
            name, value = self._id(floodlight, requester), report.data
            if ours and came_under != name:
                message_id = envelope.message_id
                value = with_correlation_id(value, name, old=came_under, message_id=message_id)
            context.send(context.rules.disco_topic, name, value, tuple(headers))

    def _dumps(self, sync: Sync, report: Report) -> list[bytes]:
        """The records that a switch's home passes on: one for each requester, under its own id.

        A sync that nobody asked for goes out without an id, so that each round counts once.
        """
        context = self._context
        if not context.rules.dumps_by_master:
            return [b""]
        if len(report.data) > context.rules.max_message_bytes:
            context.dead_letter_of(report, f"a sync's record of {len(report.data)} bytes")
            return [b""]
        ids = [None if requester == peers.OWN_SYNC else requester for requester in sync.requesters]
        return [with_dump_id(report.data, dump_id) for dump_id in ids]

    def _complete(self, floodlight: str, attempt: int) -> None:
        context = self._context
        self.tell_listed()
        sync = self._running.pop(floodlight)
        self._ended[floodlight] = (context.now, True)
        tries = f"at attempt {sync.retries + 1}" if sync.retries else ""
        context.happened("sync", floodlight, text=tries, began=attempt)
        complete = peers.SyncComplete(floodlight, attempt)
        context.tell_others(complete)
        self.completed(complete)
        self._settle_up(floodlight)
        if sync.waiting:
            self._planned[floodlight] = Plan(context.now, 0, sync.waiting)
            self._owe(floodlight, sync.waiting)
        else:
            self._plan_periodic(floodlight)

    def _plan_periodic(self, floodlight: str) -> None:
        interval = self._context.rules.sync_interval
        if interval:
            self._planned[floodlight] = Plan(self._context.now + interval, 0, [peers.OWN_SYNC])

    def tell_listed(self) -> None:
        """Tell the switches' homes what the chains of this batch listed."""
        for (floodlight, attempt, home, mode), listed in self._listed.items():
            for some in in_records(listed, lambda item: len(item[1]), FULL_RECORD_BYTES):
                switches, dumps = [item[0] for item in some], [item[1] for item in some]
                told = dumps if any(dumps) else []
                records = peers.SyncRecords(floodlight, attempt, switches, mode, told)
                if home == self._context.number:
                    self.records(records)
                else:
                    self._context.tell(home, records)
        self._listed.clear()

    def _failed(self, floodlight: str) -> None:
        """The chain is missing or incomplete: try again, up to a limit (protocol.md, 6.2)."""
        context, rules = self._context, self._context.rules
        sync = self._running.pop(floodlight)
        self._ended[floodlight] = (context.now, False)
        attempt = context.floodlights[floodlight].attempt
        final = sync.retries >= rules.sync_retries
        failed = peers.SyncFailed(floodlight, attempt, final)
        tries = f"attempt {sync.retries + 1} of {rules.sync_retries + 1}"
        context.happened("sync failed", floodlight, text=tries, began=attempt)
        context.tell_others(failed)
        self.failed(failed)
        context.count(Event.SYNCS_FAILED, floodlight)
        requesters = sync.everybody
        if final:
            self._settle_up(floodlight)
            text = f"floodlight {floodlight} did not list its switches"
            context.note(f"{text} in {sync.retries + 1} syncs")
            for requester in requesters:
                self._tell_error(floodlight, requester, ErrorType.OPERATION_TIMED_OUT, text)
            self._plan_periodic(floodlight)
        else:
            again = context.now + min(rules.alive_interval * 2**sync.retries, MAX_RETRY_DELAY_MS)
            self._planned[floodlight] = Plan(again, sync.retries + 1, requesters)

    def _settle_up(self, floodlight: str) -> None:
        """No sync is owed any more: a new owner of the shard need not begin one."""
        state = self._context.floodlights[floodlight]
        state.owed, state.owed_to, state.owed_more = False, "", []
        self._context.floodlights.put(floodlight, state)

    def _tell_error(
        self,
        floodlight: str,
        correlation_id: str,
        kind: ErrorType,
        message: str,
        description: str = "Its switches are unknown until a sync of it succeeds.",
    ) -> None:
        topic, problem = self._context.rules.disco_topic, Problem(kind, message, description)
        origin = f"sync/{floodlight}"
        self._context.answer_error(topic, correlation_id, problem, origin=origin)

    def rearm(self) -> None:
        """The clock went back: no plan and no deadline is later than one that is made now."""
        context = self._context
        latest = context.now + max(MAX_RETRY_DELAY_MS, context.rules.sync_interval)
        for floodlight, plan in self._planned.items():
            self._planned[floodlight] = plan._replace(when=min(plan.when, latest))
        for sync in self._running.values():
            sync.due = min(sync.due, context.now + context.rules.sync_patience_at_first)

    def tick(self) -> None:
        """Begin what is planned, and look for chains that have stopped."""
        context = self._context
        for floodlight, plan in list(self._planned.items()):
            state = context.floodlights.get(floodlight)
            if state is None or not state.known or not state.up:
                del self._planned[floodlight]
            elif plan.when <= context.now:
                self._begin(floodlight, plan.requesters, plan.retries)
        for floodlight, sync in list(self._running.items()):
            if not context.floodlights[floodlight].known:
                del self._running[floodlight]
            elif sync.due and sync.due <= context.now and not sync.asked:
                sync.asked = context.catch_up(floodlight, partial(self._read, floodlight))

    def _read(self, floodlight: str, token: int) -> None:
        """The FL's write topics were read to their ends: a missing link is missing."""
        sync = self._running.get(floodlight)
        if sync is None or sync.asked != token:
            return
        sync.asked = 0
        if sync.end is not None and not sync.begun:
            self._failed(floodlight)
        elif sync.end is not None:
            self._pass_on(sync, floodlight, *sync.end)
            self._complete(floodlight, self._context.floodlights[floodlight].attempt)
        elif sync.due <= self._context.now:
            self._fell_silent(sync, floodlight)

    def _fell_silent(self, sync: Sync, floodlight: str) -> None:
        """No more of the chain came, and all that the FL wrote was read."""
        context = self._context
        if not context.rules.sync_quiet:
            self._failed(floodlight)
            return
        attempt = context.floodlights[floodlight].attempt
        # An FL without switches writes nothing at all.
        if not sync.links and not context.rules.dumps_by_master:
            for requester in sync.requesters:
                name = self._id(floodlight, requester)
                began = ((header.SYNC_BEGAN, str(attempt).encode()),)
                empty = build.chunk(None, name, 0, 0, context.now)
                context.send(context.rules.disco_topic, name, empty, began)
        self._complete(floodlight, attempt)

    def status(self) -> list[SyncStatus]:
        """The syncs of the FLs whose home this shard is."""
        context = self._context
        statuses = []
        for name in context.known_floodlights():
            if context.home(name) != context.number:
                continue
            sync = self._running.get(name)
            planned, retries, _ = self._planned.get(name, Plan(0, 0, []))
            ended, succeeded = self._ended.get(name, (0, False))
            statuses.append(
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
        return statuses

    # -- following ----------------------------------------------------------------------------

    def started(self, note: peers.SyncStarted) -> None:
        """In every shard: from now on live events win over the FL's chain (protocol.md, 6.3)."""
        context = self._context
        state = context.floodlights.get(note.floodlight)
        if state is not None and note.attempt > state.syncing:
            state.syncing = note.attempt
            context.floodlights.put(note.floodlight, state)
        home = context.home(note.floodlight)
        if home != context.number:
            known = max(note.attempt, state.syncing if state is not None else 0)
            context.tell(home, peers.SyncReceipt(note.floodlight, known, context.number))

    def records(self, note: peers.SyncRecords) -> None:
        """In the switches' home: the chain lists them."""
        state = self._context.floodlights.get(note.floodlight)
        if state is not None and state.known and state.syncing == note.attempt:
            for switch, dump in zip(note.switches, note.dumps or repeat(b"")):  # noqa: B905
                self._switches.listed(switch, note.floodlight, note.attempt, note.mode, dump)

    def completed(self, note: peers.SyncComplete) -> None:
        """In every shard: the chain was whole; what it did not list is gone (protocol.md, 6.4)."""
        if self._over(note.floodlight, note.attempt):
            self._switches.sync_complete(note.floodlight, note.attempt)
            self._settled()

    def failed(self, note: peers.SyncFailed) -> None:
        """In every shard: the state of this FL's switches is unknown (protocol.md, 6.2)."""
        if self._over(note.floodlight, note.attempt, given_up=note.final):
            self._switches.sync_failed(note.floodlight)
            self._settled()

    def _over(self, floodlight: str, attempt: int, *, given_up: bool = True) -> bool:
        """Note the end of a sync; False if another one runs."""
        state = self._context.floodlights.get(floodlight)
        if state is None or state.syncing != attempt:
            return False
        state.syncing = 0
        state.synced = state.synced or given_up
        self._context.floodlights.put(floodlight, state)
        return True


def mode_of(envelope: Envelope) -> Mode | None:
    """How an FL holds a switch that a sync lists; None: it does not say."""
    write_mode = envelope.payload.write_mode if envelope.payload is not None else None
    return None if type(write_mode) is not bool else Mode.RW if write_mode else Mode.RO
