"""What may happen in one step, and how often."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from flrouter.core.values import peers
from tests.core.forms import Doing
from tests.core.world import REPLIES, SHARDS

from .dice import Calm, Dice, Stream
from .floodlights import Condition
from .group import SESSION
from .group import Condition as State
from .requesters import IDS, REPLY_TO
from .scene import Scene
from .workers import Process

if TYPE_CHECKING:
    from .episode import Episode

Action = Callable[["Episode", Dice], None]

#: ms.
HOUR = 3_600_000
#: every switch of a run is also asked for that nobody holds.
NOBODYS = "00:00:00:00:00:00:00:ff"
FORMS = ["message", "message", "message", "echo", "error", "chain", "chain", "half", "old"]
FORMS += ["old", "old half", "empty", "nothing"]


# -- the router ---------------------------------------------------------------------------------


def _worker(episode: Episode, dice: Dice) -> Process | None:
    """A worker; a dead one begins to live."""
    workers = episode.workers
    workers.coordinator.step(dice)
    slot = dice.pick(len(workers.slots))
    process = workers.slots[slot]
    if process is None:
        if dice.one_in(4):
            workers.start(slot, _skew(episode.scene, dice))
    elif process.condition is not State.RUNNING and dice.one_in(12):
        workers.thaw(process)
    return process


def _skew(scene: Scene, dice: Dice) -> int:
    """How far ahead the clock of a worker is: by seconds either way, or by an hour."""
    if not scene.skewed:
        return 0
    return dice.choose([0, 1, -1]) * HOUR if dice.one_in(2) else dice.pick(9_000) - 4_500


def _much(dice: Dice) -> Dice:
    """As much chance as a step with many parts needs."""
    return Stream(dice.word)


def deliver(episode: Episode, dice: Dice) -> None:
    """A worker does all that there is to do."""
    process = _worker(episode, dice)
    if process is not None:
        process.settle(_much(dice))


def some(episode: Episode, dice: Dice) -> None:
    """A worker does something, and not the rest."""
    process = _worker(episode, dice)
    if process is not None:
        process.some(_much(dice), stutters="stutter" in episode.scene.faults)


def crash(episode: Episode, dice: Dice) -> None:
    """A worker is killed, or all of them are."""
    everybody = dice.one_in(8)
    for process in episode.workers.alive:
        if everybody or dice.one_in(2):
            process.some(_much(dice), stutters=False)
            if episode.workers.slots[process.slot] is process:
                episode.workers.crash(process)
            if not everybody:
                return


def leave(episode: Episode, dice: Dice) -> None:
    """A worker is told to go, and finishes what it has in hand."""
    process = _worker(episode, dice)
    if process is not None and process.condition is State.RUNNING and not process.leaving:
        episode.topics.say(f"{process} leaves")
        process.leave()


def change_guarantee(episode: Episode, dice: Dice) -> None:
    """Operators start all workers anew with the other guarantee, one by one; none stands still."""
    workers = episode.workers
    workers.exactly_once = not workers.exactly_once
    episode.topics.say(f"-- exactly once: {workers.exactly_once}")
    for process in workers.alive:
        workers.settle()
        if workers.slots[process.slot] is process and not process.leaving:
            process.leave()
        process.settle(Calm())
        if workers.slots[process.slot] is process:
            workers.crash(process)


def crash_after_news(episode: Episode, dice: Dice) -> None:
    """A worker is killed that told others of an FL or a sync, before that is in a changelog.

    The next one in its place may have a clock that is far behind.
    """
    process, much = _worker(episode, dice), _much(dice)
    episode.requesters.ask_for_sync()  # so that there is something to tell
    for _ in range(24):
        if process is None or episode.workers.slots[process.slot] is not process:
            return
        if _tells(process):
            for at in [at for at in process.log.queues if at.topic == SHARDS]:
                process.log.append(at, 1_000, dice)
            episode.workers.crash(process)
            episode.workers.start(process.slot, -HOUR if episode.scene.skewed else 0)
            return
        process.some(much, stutters=False)


def crash_after_outage(episode: Episode, dice: Dice) -> None:
    """An FL stands still until it is told to be in outage; whoever told that is killed at once, and
    the FL is well. Then all is quiet for a while.
    """
    floodlight, much = dice.choose(episode.floodlights), _much(dice)
    if "crash" not in episode.scene.faults or floodlight.condition is not Condition.WELL:
        return
    floodlight.condition = Condition.FROZEN
    for _ in range(10):
        episode.topics.now += 400
        for process in episode.workers.alive:
            process.settle(much)
            if episode.workers.slots[process.slot] is process and _tells_an_outage(process):
                episode.workers.crash(process)
    episode.rest()


def rest(episode: Episode, dice: Dice) -> None:
    """For a while nothing goes wrong."""
    episode.rest()


def _tells(process: Process) -> bool:
    """Whether a batch that is not safe yet says something of an FL to other shards."""
    sends = (
        send
        for runner in process.runners
        for _, effects in runner.core.unsaved
        for send in effects.sends
    )
    values = [send.value or b"" for send in sends if send.topic == SHARDS]
    return any(b"FloodlightState" in value or b"SyncStarted" in value for value in values)


def crash_with_broker(episode: Episode, dice: Dice) -> None:
    """A machine dies, and on it a worker and a broker: what its worker wrote last lies on leaders
    that wait for their follower before anybody may read it.
    """
    workers = episode.workers
    process = _worker(episode, dice)
    if process is None or not process.runners:
        return
    much = _much(dice)
    for runner in process.runners:
        for changelog in runner.changelogs:
            workers.cluster.lose_follower(changelog.partition)
    process.settle(much)
    if workers.slots[process.slot] is process:
        workers.crash(process)


def count_without_followers(episode: Episode, dice: Dice) -> None:
    """Leaders wait for followers that are gone no more."""
    for at in list(episode.workers.cluster.limbos):
        episode.workers.cluster.count_without_follower(at)


def _tells_an_outage(process: Process) -> bool:
    """Whether a batch that is not safe yet says that an FL does not answer."""
    unsaved = [effects for runner in process.runners for _, effects in runner.core.unsaved]
    return any("it does not answer" in note for effects in unsaved for note in effects.notes)


def rebalance(episode: Episode, dice: Dice) -> None:
    """Shards are dealt anew."""
    episode.workers.coordinator.rebalance()


def freeze(episode: Episode, dice: Dice) -> None:
    """A worker stands still, its heartbeats too or not. Without transactions, which are fenced, one
    without heartbeats oversleeps the loss of its shards: it has nothing but its lease then.
    """
    process = _worker(episode, dice)
    if process is not None and process.condition is State.RUNNING:
        process.some(_much(dice), stutters=False)
        if episode.workers.slots[process.slot] is process:
            how = State.FROZEN if dice.one_in(2) else State.STUCK
            episode.workers.freeze(process, how)
            if how is State.FROZEN and process.runners and not process.exactly_once:
                _oversleep(episode, process, _much(dice))


def _oversleep(episode: Episode, process: Process, dice: Dice) -> None:
    """Others have its shards when it goes on, as if nothing were: before it hears anything of the
    group it reads what these have read too.
    """
    workers = episode.workers
    for _ in range(4):
        episode.topics.now += SESSION
        ask(episode, dice)
        workers.coordinator.step(dice)
        for other in workers.alive:
            if other is not process:
                other.settle(dice)
    workers.thaw(process)
    for at in list(process.log.positions):
        process.fetch(at, 1_000)
    for runner in process.runners:
        runner.run()
    for at in list(process.log.queues):
        process.log.append(at, 1_000, dice)


def stray(episode: Episode, dice: Dice) -> None:
    """What a worker that lost its shards had sent arrives."""
    workers = episode.workers
    logs = [one.log for one in (*workers.graves, *workers.alive) if one.log.strays]
    if logs:
        dice.choose(logs).stray(dice)


def compact(episode: Episode, dice: Dice) -> None:
    """A changelog is compacted."""
    cluster = episode.workers.cluster
    if episode.scene.compacted and cluster.changelogs:
        cluster.compact(dice.choose(list(cluster.changelogs)))


# -- time ---------------------------------------------------------------------------------------


def tick(episode: Episode, dice: Dice) -> None:
    """A little time passes."""
    episode.topics.now += dice.pick(2 * episode.scene.pace)


def jump(episode: Episode, dice: Dice) -> None:
    """Much time passes, and nobody does anything; the FLs may have done all just before."""
    ms = dice.choose([500, 999, 1_000, 2_500, 3_000, 3_000, 6_000, 20_000])
    if dice.one_in(2):
        for floodlight in episode.floodlights:
            while floodlight.act(dice, floodlight.usual):
                floodlight.flush(dice, 100)
    episode.topics.say(f"-- {ms} ms pass")
    episode.topics.now += ms


def set_clock(episode: Episode, dice: Dice) -> None:
    """Somebody sets the clock of a worker, forwards or back."""
    process = _worker(episode, dice)
    skew = _skew(episode.scene, dice)
    if process is not None and skew != process.clock.skew:
        episode.topics.say(f"the clock of {process} goes from {process.clock.skew} ms to {skew} ms")
        process.clock.skew = skew


# -- requesters ---------------------------------------------------------------------------------


def _partition(dice: Dice, count: int) -> int | None:
    return None if dice.one_in(2) else dice.pick(count)


def ask(episode: Episode, dice: Dice) -> None:
    """A requester sends a command."""
    other = dice.one_in(4)
    switch = NOBODYS if dice.one_in(32) else dice.choose(episode.switches)
    correlation_id = dice.choose(IDS)
    kind = dice.choose(episode.speech.kinds)
    reply_to = dice.choose(REPLY_TO)
    inbound, count = episode.speech.inbound_of(kind, other=other)
    partition = _partition(dice, count)
    episode.requesters.ask(kind, switch, correlation_id, inbound, partition, reply_to)


def ask_again(episode: Episode, dice: Dice) -> None:
    """A requester sends a command again."""
    other, which, sent = dice.one_in(4), dice.pick(8), episode.requesters.sent
    if sent:
        again = sent[which % len(sent)]
        inbound, count = episode.speech.inbound_of(again.kind, other=other)
        episode.requesters.ask_again(again, inbound, _partition(dice, count))


def ask_many(episode: Episode, dice: Dice) -> None:
    """A requester sends a command for several switches, some of them twice, or for every FL."""
    speech = episode.speech
    inbound, count = speech.inbound_of(speech.many, other=dice.one_in(4))
    among = [*episode.switches, *episode.switches, NOBODYS, "none"]
    switches = [dice.choose(among) for _ in range(1 + dice.pick(6))]
    everywhere = dice.one_in(4) and not speech.population
    correlation_id = dice.choose(IDS)
    reply_to = REPLIES if dice.one_in(3) else None
    partition = _partition(dice, count)
    asked = None if everywhere else switches
    episode.requesters.ask_many(asked, correlation_id, inbound, partition, reply_to)


def ask_all(episode: Episode, dice: Dice) -> None:
    """A requester sends a command for all switches."""
    kind, correlation_id = dice.choose(episode.speech.population), dice.choose(IDS)
    inbound, count = episode.speech.inbound_of(kind, other=False)
    episode.requesters.ask_all(kind, correlation_id, inbound, _partition(dice, count))


def ask_badly(episode: Episode, dice: Dice) -> None:
    """A requester sends what cannot be read."""
    inbound, count = list(episode.speech.inbound.items())[dice.one_in(4)]
    episode.requesters.ask_badly(dice.pick(8), inbound, dice.pick(count))


def ask_for_sync(episode: Episode, dice: Dice) -> None:
    """Listeners want to know all switches; now and then several do at once, or one after the other
    while an FL may not list them.
    """
    if dice.one_in(4):
        _insist_on_sync(episode, dice)
    for _ in range(1 + dice.pick(3)):
        episode.requesters.ask_for_sync()


def _insist_on_sync(episode: Episode, dice: Dice) -> None:
    """From now on an FL answers SyncRequests so, and for a while somebody asks in each pause."""
    floodlight, much = dice.choose(episode.floodlights), _much(dice)
    floodlight.sync = dice.choose(episode.floodlights[0].syncs)
    for _ in range(8):
        episode.requesters.ask_for_sync()
        for process in episode.workers.alive:
            process.settle(much)
        while floodlight.act(much, floodlight.usual):
            floodlight.flush(much, 100)
        episode.topics.now += 800


# -- FLs ----------------------------------------------------------------------------------------


def act(episode: Episode, dice: Dice) -> None:
    """An FL reads something, and writes all that follows from it, or the first record only."""
    floodlight = dice.choose(episode.floodlights)
    for _ in range(1 + dice.pick(3)):
        if not floodlight.act(dice, floodlight.usual):
            break
    floodlight.flush(dice, 1 if dice.one_in(3) else 100)


def act_oddly(episode: Episode, dice: Dice) -> None:
    """An FL reads a command and answers it in its own way."""
    floodlight = dice.choose(episode.floodlights)
    doing = Doing(
        ack=not dice.one_in(6),
        answer=dice.choose(FORMS),
        links=2 + dice.pick(3),
        order=dice.pick(4),
        twice=dice.one_in(6),
    )
    if floodlight.act(dice, doing) and dice.one_in(2):
        floodlight.flush(dice, 1 + dice.pick(3))


def flush(episode: Episode, dice: Dice) -> None:
    """An FL writes some of what it has to."""
    dice.choose(episode.floodlights).flush(dice, 1 + dice.pick(3))


def flush_all(episode: Episode, dice: Dice) -> None:
    """An FL writes one answer to its end."""
    dice.choose(episode.floodlights).flush(dice, 100)


def fall(episode: Episode, dice: Dice) -> None:
    """An FL crashes, freezes, is cut off, or is well again."""
    floodlight = dice.choose(episode.floodlights)
    now = floodlight.condition
    if now is Condition.DEAD:
        floodlight.start(anew=dice.one_in(2))
    elif now is not Condition.WELL:
        floodlight.condition = Condition.WELL
    elif dice.one_in(2):
        floodlight.crash()
        for switch in episode.switches:
            if dice.one_in(3):
                floodlight.switches.pop(switch, None)
    else:
        floodlight.condition = Condition.FROZEN if dice.one_in(2) else Condition.MUTE
    episode.topics.say(f"{floodlight.name} is {floodlight.condition.value}")


def floodlight_commits(episode: Episode, dice: Dice) -> None:
    """An FL commits what it has read."""
    dice.choose(episode.floodlights).commit()


def change_sync(episode: Episode, dice: Dice) -> None:
    """From now on an FL answers SyncRequests so."""
    sync = dice.choose(episode.floodlights[0].syncs)
    dice.choose(episode.floodlights).sync = sync


def spoof(episode: Episode, dice: Dice) -> None:
    """An FL answers for another, or something gets into its topic twice."""
    floodlight = dice.choose(episode.floodlights)
    other = dice.choose(episode.floodlights)
    if floodlight is other:
        floodlight.write_again(dice)
    else:
        floodlight.spoof(other)


# -- switches and operators ---------------------------------------------------------------------


def connect(episode: Episode, dice: Dice) -> None:
    """A switch connects to an FL."""
    floodlight, switch = dice.choose(episode.floodlights), dice.choose(episode.switches)
    if floodlight.condition is Condition.WELL:
        state = "ADDED" if dice.one_in(5) else "ACTIVATED"
        floodlight.switches[switch] = state
        floodlight.event(switch, state)


def disconnect(episode: Episode, dice: Dice) -> None:
    """An FL loses a switch."""
    floodlight, switch = dice.choose(episode.floodlights), dice.choose(episode.switches)
    if floodlight.condition is Condition.WELL and switch in floodlight.switches:
        floodlight.lose(switch, dice.choose(["DEACTIVATED", "REMOVED"]))


def tell_port(episode: Episode, dice: Dice) -> None:
    """An FL tells of a port of a switch whose master it is."""
    floodlight, switch = dice.choose(episode.floodlights), dice.choose(episode.switches)
    if floodlight.condition is Condition.WELL and floodlight.switches.get(switch) == "ACTIVATED":
        floodlight.port_event(switch)


REGIONS = ["", "east", "west"]


def operate(episode: Episode, dice: Dice) -> None:
    """An operator moves or places a switch, or removes, adds, prefers or drains an FL."""
    floodlight, switch = dice.choose(episode.floodlights), dice.choose(episode.switches)
    what = dice.pick(9)
    if what == 0:
        episode.topics.say(f"{floodlight.name} is removed")
        episode.tell(floodlight.name, peers.RemoveFloodlight(floodlight.name))
    elif what == 1:
        episode.topics.say(f"{switch} is moved to {floodlight.name}")
        episode.tell(switch, peers.MoveSwitch(switch, floodlight.name))
    elif what in (2, 3):
        drained = what == 2
        episode.topics.say(f"{floodlight.name} is {'' if drained else 'not '}drained")
        episode.tell(floodlight.name, peers.DrainFloodlight(floodlight.name, drained))
    elif what == 4:
        region = dice.choose(REGIONS)
        episode.topics.say(f"{switch} is in {region or 'no region'}")
        episode.tell(switch, peers.PlaceSwitch(switch, region))
    elif what == 5:
        region = dice.choose(REGIONS)
        episode.topics.say(f"{floodlight.name} is in {region or 'no region'}")
        weight = 50 + dice.pick(3) * 50
        episode.tell(floodlight.name, peers.PreferFloodlight(floodlight.name, region, weight))
    else:
        episode.topics.say(f"{floodlight.name} is added")
        episode.add(floodlight)


#: how often each happens, and with which of the scene's faults, or in which profile, alone.
_ACTIONS: list[tuple[Action, int, str]] = [
    (ask_all, 4, "openkilda"),
    (tell_port, 2, "openkilda"),
    (crash_after_outage, 1, "openkilda"),
    (rest, 1, "openkilda"),
    (deliver, 72, ""),
    (ask, 30, ""),
    (ask_many, 3, ""),
    (act, 44, ""),
    (flush_all, 6, ""),
    (tick, 26, ""),
    (some, 30, ""),
    (compact, 1, ""),
    (floodlight_commits, 4, ""),
    (connect, 4, ""),
    (some, 22, "lag"),
    (crash, 3, "crash"),
    (crash_after_news, 4, "crash"),
    (leave, 1, "crash"),
    (rebalance, 1, "crash"),
    (freeze, 1, "freeze"),
    (stray, 6, "freeze"),
    (stray, 4, "crash"),
    (change_guarantee, 1, "changes"),
    (crash_with_broker, 2, "crash"),
    (count_without_followers, 6, "crash"),
    (jump, 2, "jumps"),
    (set_clock, 1, "jumps"),
    (ask_again, 4, "repeat"),
    (ask_badly, 1, "bad commands"),
    (ask_for_sync, 2, "operators"),
    (operate, 1, "operators"),
    (act_oddly, 12, "odd answers"),
    (flush, 8, "odd answers"),
    (fall, 1, "floodlights"),
    (change_sync, 2, "floodlights"),
    (spoof, 1, "spoof"),
    (disconnect, 1, "switches"),
    (connect, 1, "switches"),
]


@lru_cache(maxsize=256)
def _possible(conditions: frozenset[str]) -> tuple[Action, ...]:
    return tuple(
        action
        for action, times, condition in _ACTIONS
        if not condition or condition in conditions
        for _ in range(times)
    )


def possible(scene: Scene) -> tuple[Action, ...]:
    """What may happen in a scene, each as many times as it is likely."""
    more = {"changes"} if scene.changes else set()
    return _possible(scene.faults | {scene.profile} | more)
