"""The play: the schedule's faults happen on the stage while the traffic flows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from tests.chaos.account import Trouble
from tests.chaos.schedule import BACK, UPGRADE, Fault
from tests.chaos.stage import Actor, Stage
from tests.chaos.traffic import Traffic

#: s; without an answer for so long, something does not heal by itself.
STALLED = 180.0
#: s; a worker that is frozen for less keeps its shards.
EVICTED = 5.0


class Play:
    """Carries out faults, and remembers when something was killed."""

    def __init__(self, stage: Stage, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._say = say
        #: all that may have broken off somebody's work; ms since the epoch.
        self.troubles: list[Trouble] = []
        self._does = {
            "kill a worker": self._kill_worker,
            "freeze a worker": self._freeze_worker,
            "one worker more": self._more,
            "one worker less": self._less,
            "crash an FL": self._crash,
            "cut an FL off": self._cut,
            "kill a broker": self._kill_broker,
            "restart the cluster": self._restart_cluster,
            UPGRADE: self._upgrade,
            BACK: self._take_back,
        }

    async def run(self, faults: Sequence[Fault], traffic: Traffic, commands: int) -> None:
        """All of the faults, each at its time or when the one before is over."""
        follows = [fault.commands for fault in faults[1:]] + [commands]
        for fault, following in zip(faults, follows, strict=True):
            # While it lasts, commands flow until the next one is due.
            traffic.limit = following
            await self._stalled(traffic, lambda at=fault.commands: traffic.sent >= at)
            self._stage.check()
            self._say(f"{traffic.sent:>8} sent {len(traffic.answered):>8} answered: {fault}")
            await self._does[fault.kind](fault)

    async def quiet(self, traffic: Traffic, commands: int) -> None:
        """Return when every command has an answer, or none came for long."""
        traffic.limit = commands
        await self._stalled(traffic, lambda: len(traffic.answered) >= commands)

    async def _stalled(self, traffic: Traffic, reached: Callable[[], bool]) -> None:
        last, since = len(traffic.answered), time.monotonic()
        while not reached():
            await asyncio.sleep(0.05)
            if len(traffic.answered) != last:
                last, since = len(traffic.answered), time.monotonic()
            elif time.monotonic() - since > STALLED:
                self._say(f"no answer for {STALLED:.0f} s; {last} of {traffic.sent} answered")
                return

    @contextlib.contextmanager
    def _trouble(self, worker: str = "") -> Iterator[None]:
        begin = _now_ms()
        try:
            yield
        finally:
            self.troubles.append(Trouble(begin, _now_ms(), worker))

    def _one(self, fault: Fault, of: Sequence[Actor]) -> Actor:
        return of[fault.which % len(of)]

    async def _kill_worker(self, fault: Fault) -> None:
        worker = self._one(fault, self._stage.workers)
        with self._trouble(worker.name):
            worker.kill()
        await asyncio.sleep(fault.seconds)
        worker.start()

    async def _freeze_worker(self, fault: Fault) -> None:
        worker = self._one(fault, self._stage.workers)
        with self._trouble(worker.name if fault.seconds >= EVICTED else ""):
            worker.freeze()
            await asyncio.sleep(fault.seconds)
            worker.thaw()

    async def _more(self, _: Fault) -> None:
        self._stage.add_worker()

    async def _less(self, fault: Fault) -> None:
        worker = self._one(fault, self._stage.workers)
        self._stage.workers.remove(worker)
        await asyncio.to_thread(worker.leave)

    async def _crash(self, fault: Fault) -> None:
        floodlight = self._one(fault, self._stage.floodlights)
        floodlight.kill()
        await asyncio.sleep(fault.seconds)
        floodlight.start()

    async def _cut(self, fault: Fault) -> None:
        floodlight = self._one(fault, self._stage.floodlights)
        floodlight.tell(fault="cut", value=True)
        await asyncio.sleep(fault.seconds)
        floodlight.tell(fault="cut", value=False)

    async def _kill_broker(self, fault: Fault) -> None:
        cluster = self._stage.cluster
        broker = cluster.ids[fault.which % len(cluster.ids)]
        with self._trouble():
            cluster.kill(broker)
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(cluster.restart, broker)

    async def _restart_cluster(self, fault: Fault) -> None:
        cluster = self._stage.cluster
        with self._trouble():
            cluster.kill_all()
            await asyncio.sleep(fault.seconds)
            await asyncio.to_thread(cluster.start)

    async def _upgrade(self, fault: Fault) -> None:
        await asyncio.to_thread(self._stage.replace, fault.which, before=False)

    async def _take_back(self, fault: Fault) -> None:
        await asyncio.to_thread(self._stage.replace, fault.which, before=True)


def _now_ms() -> int:
    return round(time.time() * 1000)
