"""One run: a scene, a list of random words that say what happens in it, and the calm at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from random import Random

from flrouter.core.values import peers
from tests.core.world import (
    SHARDS,
    TABLES_OF_REQUESTS,
    read_command,
    read_report,
    read_shards,
)

from . import actions, kept
from .dice import Dice
from .floodlights import Condition, Floodlight
from .floodlights_of_2025 import FloodlightOf2025
from .gathers import GatherPromises
from .group import SESSION
from .promises import Asked, Violation
from .requesters import Requesters
from .scene import Scene, draw
from .speech import Speech
from .topics import Topics
from .workers import Workers

#: ms; longer than it takes until every deadline, retry and blacklist entry is over.
CALM = 26_000
#: ms; longer than it takes until an outage is known, and a sync after it is over.
REST = 8_000
#: ms between two looks of everybody in the calm; shorter than the alive timeout.
GRAIN = 1_200
#: ms; longer than between two looks of a worker at where its changelogs end.
LOOK = 61_000
#: ms; longer than it takes until a checkpoint begins.
CHECKPOINT = 210
#: ms; longer than a transaction gathers.
TRANSACTION = 110


class Episode:
    """The whole system, and what happens to it."""

    def __init__(self, scene: Scene, *, story: bool = False) -> None:
        self.scene = scene
        self.speech = Speech(scene)
        self.rules = self.speech.rules
        self.topics = Topics(scene.partitions, self.speech.inbound)
        self.topics.story = [] if story else None
        self.promises = GatherPromises(self.rules, skewed=scene.skewed)
        self.workers = Workers(self.topics, self.promises, self.rules, scene)
        self.switches = [f"00:00:00:00:00:00:00:{at + 1:02x}" for at in range(scene.switches)]
        self.requesters = Requesters(self.topics, self.promises, self.speech)
        make = FloodlightOf2025 if self.speech.is_of_2025 else Floodlight
        self.floodlights = [
            make(
                f"fl-{at + 1}", self.topics, self.rules, self.promises, acks=acks, scatters=scatters
            )
            for at, (acks, scatters) in enumerate(scene.floodlights)
        ]
        self.steps = 0
        self._set_up()

    def _set_up(self) -> None:
        partitions = self.scene.partitions
        self.workers.reads(SHARDS, partitions, read_shards)
        for topic, count in self.speech.inbound.items():
            self.workers.reads(topic, count, read_command)
        for floodlight in self.floodlights:
            for topic in floodlight.write_topics:
                self.workers.reads(topic, partitions, _reads_of(floodlight.name))
        for slot in range(self.scene.workers):
            self.workers.start(slot, 0)
        for floodlight in self.floodlights:
            self.add(floodlight)

    # -- operators -----------------------------------------------------------------------------

    def tell(self, key: str, peer: peers.Peer) -> None:
        """Say something to the shard that is home to `key`, as the command line does."""
        partition = self.topics.place(SHARDS, key.encode())
        what = (("flrouter-what", b"peer"),)
        self.topics.write(SHARDS, None, peers.encode(peer), partition, what)

    def add(self, floodlight: Floodlight) -> None:
        """Route to an FL."""
        self.tell(floodlight.name, peers.AddFloodlight(floodlight.name, floodlight.acks))

    # -- running -------------------------------------------------------------------------------

    def run(self, words: Iterable[int]) -> None:
        """Do what these words say, then let it be quiet. Raises Violation."""
        possible = actions.possible(self.scene)
        dice = Dice()
        for word in words:
            dice.word = word
            action = dice.choose(possible)
            self.steps += 1
            action(self, dice)
        self.calm()

    def calm(self) -> None:
        """Nothing goes wrong any more, and in the end nobody owes anybody anything."""
        self.topics.say("-- from here on nothing goes wrong")
        self._mend()
        self.topics.now += LOOK  # owners find what others wrote into their changelogs
        self._let_pass(CALM)
        self.promises.check_all_answered()
        self._check_tables()
        self._check_agreement()
        self._check_listener()
        self._recover()

    def rest(self) -> None:
        """For a while nothing goes wrong, and listeners know then what the router does."""
        self.topics.say("-- for a while nothing goes wrong")
        self._mend()
        self._let_pass(REST)
        self._check_listener()

    def _mend(self) -> None:
        """All who are not dead work again."""
        for floodlight in self.floodlights:
            if floodlight.condition is not Condition.DEAD:
                floodlight.condition = Condition.WELL
        self._settle()

    def _let_pass(self, ms: int) -> None:
        self._settle()
        end = self.topics.now + ms
        while self.topics.now < end:
            self.topics.now += GRAIN
            self._settle()

    def _settle(self) -> None:
        """Everybody works until nothing lies there."""
        dice = Dice()
        for _ in range(500):
            idle = self.workers.settle()
            for floodlight in self.floodlights:
                while not floodlight.idle:
                    idle = False
                    if not floodlight.act(dice, floodlight.usual):
                        floodlight.flush(dice, 100)
            if idle and self.workers.gathers:
                self.topics.now += TRANSACTION
                continue
            if idle and self.workers.coordinator.stable:
                return
            if idle:
                self.topics.now += SESSION  # a rebalance waits for somebody who is dead
        raise Violation("it comes to rest", "records go round and round")

    # -- the end -------------------------------------------------------------------------------

    def _save(self) -> None:
        """Let checkpoints hold all that was decided."""
        for _ in range(20):
            self.topics.now += CHECKPOINT
            self._settle()
            if self.workers.saved and self.workers.serving:
                return
        raise Violation("all is saved", "shards change all the time, or are not served")

    def _check_tables(self) -> None:
        self._save()
        kept.check_changelogs(self.workers)
        kept.check_standbys(self.workers)
        for process in self.workers.alive:
            kept.check_restart(self.workers, process)
        left = [
            f"shard {shard.context.number}: {table.name}/{key}"
            for _, shard in self.workers.shards()
            for table in shard.context.tables
            if table.name in TABLES_OF_REQUESTS
            for key in table
        ]
        if left:
            raise Violation("nothing is left over", ", ".join(left))

    def _check_agreement(self) -> None:
        """Every shard knows of each FL what its home does."""
        for floodlight in self.floodlights:
            told = []
            for _, shard in self.workers.shards():
                state = shard.context.floodlights.get(floodlight.name)
                told.append(
                    state
                    and (
                        *(state.known, state.up, state.acks, state.up and state.syncing),
                        *(state.drained, state.region, state.weight),
                    )
                )
            if len(set(told)) != 1:
                raise Violation("shards agree on FLs", f"{floodlight.name}: {told}")

    def _recover(self) -> None:
        """Once all FLs work as they should, so does every switch that one of them holds."""
        for floodlight in self.floodlights:
            floodlight.sync = "full"
            if floodlight.condition is Condition.DEAD:
                floodlight.start(anew=True)
            self.add(floodlight)
            drained = floodlight is self.floodlights[0]
            self.tell(floodlight.name, peers.DrainFloodlight(floodlight.name, drained))
        patience = 4_000 + 2 * self.rules.sync_quiet
        self._let_pass(patience)
        if self.speech.is_of_2025:
            # An FL that lost a switch while it was away tells of that by a list alone; only the
            # next sync's records come from who is its master then.
            self.requesters.ask_for_sync()
            self._let_pass(patience)
        sync = self.requesters.ask_for_sync()
        self._let_pass(patience)
        probes: list[Asked] = []
        drained = self.floodlights[0].name
        elsewhere: list[bool] = []
        for switch in self.switches:
            masters = {
                floodlight.name
                for floodlight in self.floodlights
                if floodlight.switches.get(switch) == "ACTIVATED"
            }
            scattered = any(each.scatters and each.scatters_events for each in self.floodlights)
            if masters and not scattered:  # events without order may leave an older mode
                probes.append(self.requesters.probe(switch))
                elsewhere.append(bool(masters - {drained}))
        self._settle()
        if self.speech.is_of_2025:
            self._check_holders(sync)
        for probe, served in zip(probes, elsewhere, strict=True):
            if not probe.sent or probe.finals != 1 or probe.barred is not None:
                raise Violation("switches are reached", f"{probe.source[2]}: {probe.sent}")
            if served and any(name == drained for _, name in probe.sent):
                raise Violation("the drained get nothing", f"{probe.source[2]}: {probe.sent}")

    def _check_listener(self) -> None:
        """Listeners know of connections what the router does."""
        if self.speech.is_of_2025:
            shards = [shard for _, shard in self.workers.shards()]
            self.promises.listener.check_pictures(shards)

    def _check_holders(self, sync: str) -> None:
        """What FLs hold is what listeners know, what a sync listed, and what is asked of all.

        Args:
            sync: the id of the last one.
        """
        holders = {
            switch: {
                floodlight.name: floodlight.switches[switch]
                for floodlight in self.floodlights
                if switch in floodlight.switches
            }
            for switch in self.switches
        }
        served = {switch: "ACTIVATED" in states.values() for switch, states in holders.items()}
        self._check_listener()
        if not self.scene.skewed:
            self.promises.listener.check_view(served)
        self.promises.syncs.check_dumped(sync, [name for name in served if served[name]])
        inbound, _ = self.speech.inbound_of(self.speech.population[0], other=False)
        probes = [
            self.requesters.ask_all(kind, f"probe-{kind.clazz}", inbound)
            for kind in self.speech.population
        ]
        self._settle()
        for probe in probes:
            probe.check(holders)


def _reads_of(floodlight: str) -> Callable[..., object]:
    return lambda record: read_report(record, floodlight)


def words_of(seed: int, steps: int) -> tuple[Scene, list[int]]:
    """The scene of a seed and what happens in it."""
    random = Random(seed)
    scene = draw(random, seed)
    return scene, [random.getrandbits(64) for _ in range(steps)]


def outcome(
    scene: Scene, words: Sequence[int], *, story: bool = False
) -> tuple[Episode, Violation | None]:
    """Run, and see what promise was not kept."""
    episode = Episode(scene, story=story)
    disabled = logging.root.manager.disable
    logging.disable(logging.ERROR)  # a router in trouble has much to say
    try:
        episode.run(words)
    except Violation as violation:
        return episode, violation
    finally:
        logging.disable(disabled)
    return episode, None
