"""One run: a scene, a list of random words that say what happens in it, and the calm at its end."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from random import Random

from flrouter.core import peers
from tests.core.world import (
    INBOUND,
    SHARDS,
    TABLES_OF_REQUESTS,
    catalog,
    read_command,
    read_report,
    read_shards,
    rules,
)

from . import actions
from .dice import Dice
from .floodlights import Condition, Floodlight
from .gathers import GatherPromises
from .group import SESSION
from .promises import Asked, Violation
from .requesters import Requesters
from .scene import OTHER_PARTITIONS, Scene, draw
from .topics import Topics
from .workers import Workers

OTHER_INBOUND = "kilda.speaker.other"
CATALOG = catalog()

#: ms; longer than it takes until every deadline, retry and blacklist entry is over.
CALM = 26_000
#: ms between two looks of everybody in the calm; shorter than the alive timeout.
GRAIN = 1_200
#: ms; longer than between two looks of a worker at where its changelogs end.
LOOK = 61_000
#: ms; longer than it takes until a checkpoint begins.
CHECKPOINT = 210


class Episode:
    """The whole system, and what happens to it."""

    def __init__(self, scene: Scene, *, story: bool = False) -> None:
        self.scene = scene
        self.rules = rules(
            scene.partitions,
            reserved_topics=frozenset({INBOUND, OTHER_INBOUND, SHARDS}),
            gather_timeout=4_500,  # so short that it counts now and then
        )
        self.topics = Topics(scene.partitions, {OTHER_INBOUND: OTHER_PARTITIONS})
        self.topics.story = [] if story else None
        self.promises = GatherPromises(self.rules, skewed=scene.skewed)
        self.workers = Workers(
            self.topics,
            self.promises,
            self.rules,
            CATALOG,
            exactly_once=scene.exactly_once,
            slots=scene.workers,
        )
        self.switches = [f"00:00:00:00:00:00:00:{at + 1:02x}" for at in range(scene.switches)]
        self.requesters = Requesters(self.topics, self.promises, CATALOG)
        self.inbound = [(INBOUND, scene.partitions), (OTHER_INBOUND, OTHER_PARTITIONS)]
        self.floodlights = [
            Floodlight(
                f"fl-{at + 1}", self.topics, self.rules, self.promises, acks=acks, scatters=scatters
            )
            for at, (acks, scatters) in enumerate(scene.floodlights)
        ]
        self.steps = 0
        self._set_up()

    def _set_up(self) -> None:
        partitions = self.scene.partitions
        self.workers.reads(SHARDS, partitions, read_shards)
        self.workers.reads(INBOUND, partitions, read_command)
        self.workers.reads(OTHER_INBOUND, OTHER_PARTITIONS, read_command)
        for floodlight in self.floodlights:
            self.workers.reads(floodlight.write_topic, partitions, _reads_of(floodlight.name))
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
        table = actions.table(self.scene)
        dice = Dice()
        for word in words:
            action = table[word & 255]
            dice.word = word >> 8
            self.steps += 1
            action(self, dice)
        self.calm()

    def calm(self) -> None:
        """Nothing goes wrong any more, and in the end nobody owes anybody anything."""
        self.topics.say("-- from here on nothing goes wrong")
        for floodlight in self.floodlights:
            if floodlight.condition is not Condition.DEAD:
                floodlight.condition = Condition.WELL
        self._settle()
        self.topics.now += LOOK  # owners find what others wrote into their changelogs
        self._let_pass(CALM)
        self.promises.check_all_answered()
        self._check_tables()
        self._check_agreement()
        self._recover()

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
        self.workers.check_kept()
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
        self._let_pass(4_000)
        self.requesters.ask_for_sync()
        self._let_pass(4_000)
        probes: list[Asked] = []
        drained = self.floodlights[0].name
        elsewhere: list[bool] = []
        for switch in self.switches:
            masters = {
                floodlight.name
                for floodlight in self.floodlights
                if floodlight.switches.get(switch) == "ACTIVATED"
            }
            scattered = any(each.scatters for each in self.floodlights)
            if masters and not scattered:  # events without order may leave an older mode
                probes.append(self.requesters.probe(switch))
                elsewhere.append(bool(masters - {drained}))
        self._settle()
        for probe, served in zip(probes, elsewhere, strict=True):
            if not probe.sent or probe.finals != 1 or probe.barred is not None:
                raise Violation("switches are reached", f"{probe.source[2]}: {probe.sent}")
            if served and any(name == drained for _, name in probe.sent):
                raise Violation("the drained get nothing", f"{probe.source[2]}: {probe.sent}")


def _reads_of(floodlight: str) -> Callable[..., object]:
    return lambda record: read_report(record, floodlight)


def words_of(seed: int, steps: int) -> tuple[Scene, list[int]]:
    """The scene of a seed and what happens in it."""
    random = Random(seed)
    scene = draw(random)
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
