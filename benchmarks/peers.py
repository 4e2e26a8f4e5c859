"""flrouter and its peers in one run: all are up, and each has its turn in every round."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.broker import Broker
from benchmarks.contenders import ALL, DIRECT, LOOPS, OURS, Contender
from benchmarks.layout import Layout
from benchmarks.plan import Plan
from benchmarks.progress import Progress
from benchmarks.stage import Fault, Stage
from benchmarks.summary import Turn


class Peers:
    """The contenders of one run.

    Args:
        plan: how much is measured.
        broker: the one that all share.
        folder: for logs.
        progress: told of each step.
        only: names of contenders; all of them when it is empty.
    """

    def __init__(
        self,
        plan: Plan,
        broker: Broker,
        folder: Path,
        progress: Progress,
        only: Collection[str] = (),
    ) -> None:
        self._plan = plan
        self._broker = broker
        self._folder = folder
        self._progress = progress
        wanted = set(only) | {OURS}
        self._contenders = [each for each in ALL if not only or each.name in wanted]
        self._stages: dict[str, Stage] = {}
        #: contender → why it has no figures, or no more of them.
        self.missing: dict[str, str] = {}
        self.turns: dict[str, list[Turn]] = {}
        self._rates: dict[str, float] = {}
        #: contender → rate → the latency (s) of each turn.
        self.latencies: dict[str, dict[str, list[dict[str, float]]]] = {}

    def run(self) -> None:
        """Start all, give each its turn in each round, stop all."""
        plan, say = self._plan, self._progress.say
        with ExitStack() as stages:
            for contender in self._contenders:
                say(f"starting {contender.name}")
                if (why := contender.missing()) is not None:
                    self._drop(contender.name, why)
                else:
                    self._start(contender.name, contender, stages)
            self._start(DIRECT, None, stages)
            for name in [*self._stages]:
                say(f"warming up, {name}")
                self._try(name, lambda name=name: self._warm(name))
            for number in range(1, plan.rounds + 1):
                # Without a router last: its rate is half of what ours just did.
                for name in [*self._stages]:
                    say(f"round {number} of {plan.rounds}, {name}")
                    self._try(name, lambda name=name: self._turn(name))
                for rate in plan.rates:
                    for name in [each for each in self._stages if each in (OURS, *LOOPS, DIRECT)]:
                        self._try(name, lambda name=name, rate=rate: self._at(name, rate))

    def _start(self, name: str, contender: Contender | None, stages: ExitStack) -> None:
        """Bring one up, in two tries: on a busy machine some do not find topics that they made."""
        for _ in range(2):
            self._bring_up(name, contender, stages)
            if name in self._stages:
                self.missing.pop(name, None)
                return

    def _bring_up(self, name: str, contender: Contender | None, stages: ExitStack) -> None:
        plan, broker = self._plan, self._broker
        layout = Layout(
            broker.bootstrap,
            f"bench-{uuid.uuid4().hex[:6]}-{name}",
            broker.scheme,
            plan.partitions,
            plan.floodlights,
            plan.switches,
        )
        stage = Stage(contender, layout, broker, self._folder)
        self._stages[name] = stages.enter_context(stage)
        self.turns[name] = []
        self._try(name, stage.probe)

    def _try(self, name: str, doing: Any) -> None:
        """A contender that fails is left out from then on; the others go on."""
        try:
            doing()
        except Fault as fault:
            self._drop(name, str(fault))

    def _drop(self, name: str, why: str) -> None:
        self.missing[name] = why
        stage = self._stages.pop(name, None)
        if stage is not None:
            stage.stop()
        self._progress.say(f"  without {name}: {why}")

    def _warm(self, name: str) -> None:
        self._stages[name].closed(self._plan.in_flight, self._plan.first_warm)

    def _at(self, name: str, rate: int) -> None:
        """Measure the latency at a rate that is the same for all."""
        plan = self._plan
        latency = self._stages[name].open(rate, plan.warm, plan.open_seconds / 2)["latency"]
        self.latencies.setdefault(name, {}).setdefault(str(rate), []).append(latency)
        self._progress.say(
            f"  {name} at {rate:,}/s: p50 {latency['p50'] * 1000:.1f} ms,"
            f" p99 {latency['p99'] * 1000:.1f} ms"
        )

    def _turn(self, name: str) -> None:
        plan, stage = self._plan, self._stages[name]
        closed = stage.closed(plan.in_flight, plan.closed_seconds)
        if not closed["answered"]:
            raise Fault(f"nothing was answered in {closed['seconds']:.0f} s")
        peak = self._rates[name] = closed["answered"] / closed["seconds"]
        rate = (self._rates.get(OURS, peak) if name == DIRECT else peak) * plan.share_of_peak
        opened = stage.open(max(1.0, rate), plan.warm, plan.open_seconds)
        self.turns[name].append({"closed": closed, "open": opened})
        latency, router = opened["latency"], closed["cpu"]["router"]
        each = f", {closed['answered'] / router:,.0f} per CPU-second of router" if router else ""
        self._progress.say(
            f"  {peak:,.0f} commands/s{each};"
            f" at {rate:,.0f}/s p50 {latency['p50'] * 1000:.1f} ms,"
            f" p99 {latency['p99'] * 1000:.1f} ms"
            f" (others: {closed['cpu']['others'] / closed['seconds']:.1f} cores)"
        )
