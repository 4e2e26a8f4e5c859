"""The router's core and the listener's together, over 1,000 random interleavings: issue 3, row 4.

What happens at an FL, and what is said of it, goes through the router's shards to the topic for
discovery. The listener reads its partitions in whatever order, some of it twice. Whatever that was,
in the end its view is what the FL holds.
"""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.network.app import read
from flrouter.network.chains import Assembler
from flrouter.network.view import News, State, Switch
from tests.core.floodlight import Floodlight
from tests.core.world import TOPICS, Record, World

SWITCHES = [f"00:00:00:00:00:00:00:0{at}" for at in range(1, 6)]
RUN = settings(
    max_examples=1000, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
#: long enough that no deadline runs out while a schedule is played.
CALM = {"sync_timeout": 600_000, "alive_timeout": 600_000, "alive_interval": 300_000}

sets = st.sets(st.sampled_from(SWITCHES))
#: an event of a switch, a change that nobody tells (not while a chain is being written), a sync,
#: the chain's next link, writes that failed, or a shard that reads some of what lies there.
happenings = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.sampled_from(SWITCHES)),
        st.tuples(st.just("unseen"), st.sampled_from(SWITCHES)),
        st.just(("sync",)),
        st.just(("link",)),
        st.just(("fail",)),
        st.tuples(st.just("read"), st.integers(0, 2), st.sampled_from([1, 2, 100])),
    ),
    max_size=30,
)


def play(world: World, floodlight: Floodlight, what: tuple[Any, ...]) -> None:
    """Let one thing happen, and a millisecond pass."""
    world.advance(1)
    match what:
        case ("event", switch) if switch in floodlight.switches:
            floodlight.disconnect(switch)
        case ("event", switch):
            floodlight.connect(switch)
        case ("unseen", switch) if not floodlight.unwritten:
            if floodlight.switches.pop(switch, None) is None:
                floodlight.switches[switch] = "ACTIVATED"
        case ("sync",) if not floodlight.unwritten:
            world.ask(None, "sync", clazz=names.SYNC_REQUEST)
            world.run()
        case ("fail",):
            # An FL that lost what it wrote says so once; its next answer ends the outage.
            for failed in (1, 0):
                floodlight.write(build.alive_response("alive", "fl-1", failed, world.now), "fl-1")
                world.advance(1)
                world.run()
        case ("link",) if floodlight.unwritten:
            floodlight.write(floodlight.unwritten.pop(0), "fl-1")
        case ("read", shard, most):
            world.step(shard % world.rules.partitions, most=most)


def finish(world: World, floodlight: Floodlight) -> None:
    """The rest of the chain comes, and everybody reads to the end."""
    world.run()
    while floodlight.unwritten:
        play(world, floodlight, ("link",))
    world.run()


def heard(records: list[Record], chance: random.Random) -> dict[str, Switch]:
    """The view of a listener that reads each partition in order, but sometimes from earlier on."""
    assembler = Assembler(patience=1_000_000)
    partitions: dict[int, list[Record]] = {}
    for record in records:
        partitions.setdefault(record.partition, []).append(record)
    positions = dict.fromkeys(partitions, 0)
    view: dict[str, Switch] = {}
    while positions:
        number = chance.choice(sorted(positions))
        if chance.random() < 0.05:
            positions[number] = chance.randint(0, positions[number])
        record = partitions[number][positions[number]]
        positions[number] += 1
        if positions[number] == len(partitions[number]):
            del positions[number]
        as_faust_has_it = SimpleNamespace(
            key=record.key, value=record.value, headers=record.headers, timestamp=record.at / 1000
        )
        for switch, news in read(as_faust_has_it, assembler):
            view.setdefault(switch, Switch()).hear(msgspec.json.decode(news, type=News))
    return view


@RUN
@given(
    partitions=st.integers(1, 3),
    at=st.integers(0, 2),
    form=st.sampled_from(["full", "old", "markers"]),
    before=sets,
    happens=happenings,
    seed=st.integers(0, 1 << 30),
)
def test_the_view_is_what_the_floodlight_holds(
    partitions: int, at: int, form: str, before: set[str], happens: list[Any], seed: int
) -> None:
    """A live event is undone neither by a chain nor by reading it late or twice; and switches that
    were unmanaged are managed again once a sync lists them.
    """
    world = World("fl-1", partitions=partitions, **CALM)
    floodlight = world.floodlights["fl-1"]
    floodlight.partition = at % partitions
    floodlight.switches = dict.fromkeys(before, "ACTIVATED")
    floodlight.sync, floodlight.chains = "manual", form
    for what in happens:
        play(world, floodlight, what)
    finish(world, floodlight)
    play(world, floodlight, ("sync",))  # what changed unseen is known from here on
    finish(world, floodlight)
    view = heard(world.seen(TOPICS["disco"]), random.Random(seed))
    online = {name for name, switch in view.items() if switch.state is State.ONLINE}
    assert online == set(floodlight.switches)
    assert {switch.state for switch in view.values()} <= {State.ONLINE, State.OFFLINE}
