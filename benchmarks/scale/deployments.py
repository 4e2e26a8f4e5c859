"""What a command costs a whole worker as its deployment grows: two at a time, in turns."""

from __future__ import annotations

import dataclasses
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.broker import Broker
from benchmarks.contenders import ALL, OURS
from benchmarks.figures import median
from benchmarks.layout import Layout
from benchmarks.progress import Progress
from benchmarks.stage import Stage

#: s; of one measurement, and before the first one: a broker that has just started is slow.
SECONDS = 5.0
WARM_UP = 3.0
#: measurements of each of the two, in turns.
ROUNDS = 3
#: what costs a few percent takes more of them.
MORE_ROUNDS = {"history": 15}
#: enough to keep the larger one busy: 64 FLs have a thousand partitions to themselves.
IN_FLIGHT = 8_000
#: a profile whose topics have fixed names, as OpenKilda's have, and what these begin with.
SEVENTEEN_TOPICS = Path(__file__).with_name("seventeen_topics.toml")
SEVENTEEN = "seventeen"


@dataclasses.dataclass(frozen=True)
class Deployment:
    """How much of everything; what is not said is as it is for the peers."""

    switches: int = 1_000
    floodlights: int = 4
    partitions: int = 8
    workers: int = 1
    #: of each FL.
    topics: int = 2
    #: whether a history is written, 1 or 0.
    history: int = 0

    def stage(self, broker: Broker, folder: Path) -> Stage:
        """One flrouter with so much of everything."""
        ours = next(each for each in ALL if each.name == OURS)
        profile = "" if self.topics == 2 else str(SEVENTEEN_TOPICS)
        name = SEVENTEEN if profile else f"bench-{uuid.uuid4().hex[:8]}"
        layout = Layout(
            broker.bootstrap,
            name,
            broker.scheme,
            self.partitions,
            self.floodlights,
            self.switches,
            profile,
            self.history,
        )
        return Stage(ours, layout, broker, folder, self.workers)


#: what grows → the small deployment and the large one.
PAIRS = {
    "switches": (Deployment(switches=10), Deployment(switches=100_000)),
    "floodlights": (Deployment(floodlights=2), Deployment(floodlights=64)),
    "partitions": (Deployment(partitions=1), Deployment(partitions=64)),
    "workers": (Deployment(workers=1), Deployment(workers=2)),
    "topics": (Deployment(topics=2), Deployment(topics=17)),
    "history": (Deployment(history=0), Deployment(history=1)),
}


def compare(
    what: str, broker: Broker, folder: Path, progress: Progress
) -> dict[str, dict[str, float]]:
    """CPU per command (µs) and commands a second of the small and the large deployment."""
    small, large = PAIRS[what]
    runs: dict[str, list[dict[str, Any]]] = {"small": [], "large": []}
    stages: dict[str, Stage] = {}
    with ExitStack() as up:
        for name, deployment in zip(runs, (small, large), strict=True):
            stages[name] = up.enter_context(deployment.stage(broker, folder))
            stages[name].probe()  # one after the other: a thousand partitions keep a broker busy
        for stage in stages.values():
            stage.closed(IN_FLIGHT, WARM_UP)
        for _ in range(MORE_ROUNDS.get(what, ROUNDS)):
            for name, stage in stages.items():
                runs[name].append(stage.closed(IN_FLIGHT, SECONDS))
    found = {}
    for name, deployment in zip(runs, (small, large), strict=True):
        done = runs[name]
        found[name] = {
            "size": getattr(deployment, what),
            "cpu_us": median([each["cpu"]["router"] / each["answered"] * 1e6 for each in done]),
            "per_second": median([each["answered"] / each["seconds"] for each in done]),
            "memory": max(each["memory"]["router"] for each in done),
            "errors": sum(each["errors"] + each["lost"] for each in done),
        }
        progress.say(
            f"  {found[name]['size']:,} {what}: {found[name]['cpu_us']:.0f} µs per command,"
            f" {found[name]['per_second']:,.0f}/s"
        )
    return found
