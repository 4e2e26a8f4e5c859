"""The story: everything is started, commands flow, an FL dies and comes back, all is counted."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path

from flrouter import embedded, profiles
from flrouter.demo import openvswitch, processes, view
from flrouter.demo.processes import Process
from flrouter.demo.result import Result, Tables
from flrouter.demo.router import Router
from flrouter.demo.traffic.commands import Draw, SampleCommands
from flrouter.demo.traffic.ledger import Ledger
from flrouter.demo.traffic.outages import Outages
from flrouter.demo.traffic.plan import REPLY_TOPIC, TIMEOUTS, Plan
from flrouter.demo.traffic.requester import Requester
from flrouter.failure import Failure
from flrouter.kafka.cluster.topics import Wanted, of_floodlight, of_router, provide
from flrouter.settings.model import Settings

#: s; the whole system must be up by then.
START_TIMEOUT_S = 120.0
#: the exit status after a second signal; shells use it after a Ctrl-C.
STOPPED_STATUS = 130
#: s; in a demo without an end, one FL is killed in each such period.
CHAPTER_S = 30.0
#: s; wait for answers after the last command: the longest deadline, and spare for a busy machine.
DRAIN_TIMEOUT_S = (
    TIMEOUTS["ack_timeout"] + TIMEOUTS["response_timeout"] + TIMEOUTS["sync_timeout"] + 5.0
)
#: s; over which a rate is taken.
WINDOW_S = 2.0


class Rates:
    """Counters by name, and how much each grew per second lately."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, float]]] = {}

    def of(self, name: str, count: float, now: float) -> float:
        """Note the counter's value at `now` (s), and return its rate."""
        seen = self._seen.setdefault(name, deque())
        seen.append((now, count))
        while len(seen) > 2 and seen[1][0] <= now - WINDOW_S:
            seen.popleft()
        since, before = seen[0]
        return (count - before) / (now - since) if now > since else 0.0


def tell(story: type[Story], plan: Plan, report: Path | None) -> bool:
    """Play the demo and report on it; returns whether it succeeded."""
    folder = Path(tempfile.mkdtemp(prefix="flrouter-demo-"))
    good = False
    try:
        result = asyncio.run(story(plan, folder).play())
        if report is not None:
            report.write_text(json.dumps(result.report(), indent=2) + "\n")
        print("\n".join(result.lines()))
        good = result.good
    except (embedded.BrokerMissing, openvswitch.Missing) as error:
        raise Failure(str(error)) from error
    except asyncio.CancelledError:
        raise Failure("stopped at once, as told twice", STOPPED_STATUS) from None
    finally:
        if good:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            sys.stderr.write(f"flrouter: the logs of all processes are in {folder}\n")
    return good


class Story:
    """One run of the demo."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._profile = profiles.load(plan.profile)
        self._homes = plan.homes()
        self._outages = Outages()
        self._ledger = Ledger(self._homes, self._outages)
        self._commands = self._draw(f"demo-{plan.app_id[-8:]}")
        self._rates = Rates()
        self._ports = embedded.free_ports(plan.workers)
        self._router = Router(self._ports)
        self._workers: list[Process] = []
        self._floodlights: dict[str, Process] = {}
        self._began: float | None = None
        self._asked_to_stop = asyncio.Event()
        self._view = view.view()
        self._broker: subprocess.Popen[bytes]
        self._requester: Requester
        self._providing: asyncio.Task[None] | None = None
        #: the task that a second signal ends; None while processes are started or stopped.
        self._playing: asyncio.Task[Result] | None = None

    async def play(self) -> Result:
        """Play it to its end."""
        self._listen()
        port = embedded.free_port()
        self._broker = await asyncio.to_thread(embedded.start, port)
        url = f"{embedded.SCHEME}://127.0.0.1:{port}"
        settings = Settings(**self._plan.settings(url))  # type: ignore[arg-type]  # it reads text
        self._requester = Requester(settings)
        showing = asyncio.create_task(self._show())
        try:
            self._playing = asyncio.current_task()
            self._start(url)
            await self._unless_stopped(self._come_up(settings), START_TIMEOUT_S)
            await self._send()
            await self._router.look()
            self._view.show(self._figures())
        finally:
            self._playing = None
            showing.cancel()
            await asyncio.wait([showing])
            self._view.close()
            if self._providing is not None:
                await asyncio.wait([self._providing])  # a thread: without a broker it would linger
            await self._requester.stop()
            started = [*self._workers, *self._floodlights.values()]
            await asyncio.to_thread(processes.stop_all, started)
            self._broker.kill()  # the broker holds nothing that needs a clean shutdown
            self._broker.wait()
        late = self._router.count("late").total()
        return Result(
            *(self._ledger, self._outages, late, self._requester.first_answer),
            *(self._began, self._tables()),
        )

    # -- the parts that depend on the switches: simulated here, real in `switches.py`

    def _draw(self, prefix: str) -> Draw:
        """The commands to send; their correlation ids begin with `prefix`."""
        return SampleCommands(sorted(self._homes), prefix, self._profile.catalog({}))

    def _floodlight(self, name: str) -> list[str]:
        """More arguments for an FL's process, after those that every FL gets."""
        plan = self._plan
        switches, first = str(plan.switches_each), str(plan.first_switch(name))
        return ["--switches", switches, "--first-switch", first, "--latency-ms", "1-5"]

    def _held(self) -> bool:
        """Whether the router knows which FLs hold which switches."""
        return all(
            self._router.switches(name) == self._plan.switches_each
            for name in self._plan.floodlight_ids
        )

    def _victim(self, number: int) -> str:
        """Which FL dies in a chapter of the story."""
        names = self._plan.floodlight_ids
        return names[(number + 1) % len(names)]

    def _tables(self) -> Tables | None:
        """The comparison of real switches' tables; None without real switches."""
        return None

    # -- the parts that all demos share

    def _listen(self) -> None:
        """Install the handlers: the first signal ends the sending, the second ends the demo."""

        def told() -> None:
            if self._asked_to_stop.is_set() and self._playing is not None:
                self._playing.cancel()
            self._asked_to_stop.set()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, told)

    def _start(self, url: str) -> None:
        """Start workers and FLs, all at once."""
        plan = self._plan
        environment = {
            f"FLROUTER_{name.upper()}": text for name, text in plan.settings(url).items()
        }
        for number, port in enumerate(self._ports, 1):
            arguments = ["-m", "flrouter", "worker", "-l", "info"]
            arguments += ["--web-port", str(port)]
            self._workers.append(Process(f"worker-{number}", self._folder, arguments, environment))
        for name in plan.floodlight_ids:
            arguments = ["-m", "flrouter.speaker", "--id", name, "--broker", url]
            arguments += ["--profile", plan.profile]
            arguments += self._floodlight(name)
            self._floodlights[name] = Process(name, self._folder, arguments, {})
        for process in (*self._workers, *self._floodlights.values()):
            process.start()
        self._view.say(
            f"{plan.workers} workers, {plan.floodlights} floodlights, {len(self._homes)} switches,"
            f" and the embedded broker on {url}"
        )

    async def _unless_stopped(self, work: object, timeout: float | None) -> None:
        """Await `work`, until a signal asks to stop.

        Raises:
            Failure: the timeout is over, or a process has ended.
        """
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        stopping = asyncio.create_task(self._asked_to_stop.wait())
        until = None if timeout is None else time.monotonic() + timeout
        try:
            while not task.done() and not stopping.done():
                self._check()
                if until is not None and time.monotonic() > until:
                    raise Failure(f"not everything is up after {timeout:.0f} s: see the logs")
                await asyncio.wait(
                    [task, stopping], timeout=0.2, return_when=asyncio.FIRST_COMPLETED
                )
            if task.done():
                task.result()
        finally:
            stopping.cancel()
            task.cancel()
            await asyncio.wait([task])

    def _check(self) -> None:
        """Raise Failure if a worker, an FL or the broker has ended by itself."""
        for process in (*self._workers, *self._floodlights.values()):
            process.check()
        if self._broker.poll() is not None:
            raise Failure("the embedded broker ended by itself: try again")

    async def _come_up(self, settings: Settings) -> None:
        """Returns when every switch has answered and every worker has its shards."""
        wanted = [*of_router(settings), Wanted(REPLY_TOPIC, exact=False)]
        for name in self._plan.floodlight_ids:
            wanted += of_floodlight(settings, name)
        self._providing = asyncio.create_task(asyncio.to_thread(provide, settings, wanted))
        await asyncio.shield(self._providing)
        self._requester.start()
        await self._requester.probe(self._commands, self._homes)
        while not self._is_up(settings.partitions):
            await asyncio.sleep(0.05)

    def _is_up(self, shards: int) -> bool:
        return (
            all(self._router.shards)
            and sum(self._router.shards) == shards
            and all(self._router.up(name) for name in self._plan.floodlight_ids)
            and self._held()
        )

    async def _send(self) -> None:
        """Send commands while the FLs come and go, and wait for the answers."""
        if self._asked_to_stop.is_set():
            return
        plan = self._plan
        self._began = time.monotonic()
        first_answer = self._requester.first_answer or 0
        self._view.say(f"the first answer came {first_answer:.1f} s after the start")
        plot = asyncio.create_task(self._plot())
        try:
            await self._unless_stopped(
                self._requester.run(self._commands, self._ledger, plan.rate, plan.seconds), None
            )
            self._view.say("no more commands; waiting for the last answers")
            # In some profiles a sync ends after a silence. A sync may first wait for another one.
            patience_s = DRAIN_TIMEOUT_S + 2 * self._profile.sync.quiet_s
            await self._requester.answered(self._ledger, patience_s)
            if plan.seconds is not None:
                # On a busy machine, the FL may come back only after all commands were sent.
                await self._unless_stopped(plot, START_TIMEOUT_S)
            elif plot.done():
                plot.result()
        finally:
            plot.cancel()
            await asyncio.wait([plot])

    async def _plot(self) -> None:
        """Kill an FL a third of the way in, and start it again at two thirds."""
        chapter = self._plan.seconds or CHAPTER_S
        assert self._began is not None
        number = 0
        while True:
            start = self._began + number * chapter
            await asyncio.sleep(start + chapter / 3 - time.monotonic())
            name = self._victim(number)
            process = self._floodlights[name]
            spoke_for = self._router.switches(name)
            process.kill()
            outage = self._outages.killed(name, time.monotonic())
            self._tell(f"{name} is killed, which spoke for {spoke_for} switches")
            await asyncio.sleep(start + chapter * 2 / 3 - time.monotonic())
            process.start()
            self._tell(f"{name} is started again")
            while not process.said(b'"ready"'):
                await asyncio.sleep(0.05)
            outage.back = time.monotonic()
            self._tell(f"{name} is back")
            number += 1
            if self._plan.seconds is not None:
                return

    def _tell(self, text: str) -> None:
        assert self._began is not None
        self._view.say(f"{time.monotonic() - self._began:5.1f} s  {text}")

    async def _show(self) -> None:
        while True:
            await self._router.look()
            self._view.show(self._figures())
            await asyncio.sleep(self._view.every)

    def _figures(self) -> view.Figures:
        now, ledger, rates = time.monotonic(), self._ledger, self._rates
        commands, answers, late = map(self._router.count, ("commands", "answers", "late"))
        rows = []
        for name, process in self._floodlights.items():
            up = self._router.up(name)
            if process.killed:
                state = "killed" if up else "killed, in outage"
            else:
                state = "up" if up else "starting" if self._began is None else "coming back"
            rows.append(
                view.FloodlightRow(
                    *(name, state, self._router.switches(name)),
                    rates.of(f"commands {name}", commands[name], now),
                    rates.of(f"answers {name}", answers[name], now),
                    late[name],
                )
            )
        return view.Figures(
            None if self._began is None else now - self._began,
            *(rows, self._router.shards, ledger),
            rates.of("sent", ledger.sent, now),
            rates.of("answered", ledger.answered, now),
        )
