"""The requester of one contender: sends commands, counts answers, and measures meanwhile.

It reads orders from stdin, a JSON object a line, and writes the result of each to stdout:

    {"do": "probe"}                      until there is an answer for every switch
    {"do": "closed", "in_flight": 2000}  as fast as answers come, so many under way
    {"do": "open", "rate": 1500}         so many per second, whatever comes back
"""

from __future__ import annotations

import json
import sys
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from benchmarks import messages
from benchmarks.clients import settings
from benchmarks.figures import percentiles
from benchmarks.layout import Layout, from_environment
from benchmarks.usage import Watch

#: answers taken from the client at once.
MOST = 2_000
#: s; between two looks at what is due and what came, at a fixed rate. Shorter ones would take the
#: processor from those that are measured.
TICK = 0.001
#: s; how long the last answers of a phase may take.
DRAIN = 20.0
#: s; how long a contender may take until it is ready.
PROBE = 90.0
#: commands that reach every FL on every partition.
PROBES = 100

_now = time.perf_counter


class Phase:
    """The commands of one order, by their numbers."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.sent = 0
        self.answered = 0
        self.errors = 0
        self.duplicates = 0
        #: when each was sent, or should have been (s); and how long its answer took, -1: none yet.
        self.began = array("d")
        self.took = array("d")

    def answer(self, number: int, now: float, *, error: bool) -> None:
        """Note an answer."""
        if self.took[number] >= 0:
            self.duplicates += 1
            return
        self.took[number] = now - self.began[number]
        self.answered += 1
        self.errors += error


class Requester:
    """Sends to `layout`'s inbound topic; or, `direct`, straight to the FLs, as if there were no
    router at all.
    """

    def __init__(self, layout: Layout, *, direct: bool) -> None:
        self._layout = layout
        self._phases = 0
        self._phase = Phase(0)
        self._producer = Producer(settings.producer(layout))
        self._consumer = Consumer(settings.consumer(layout))
        topics = layout.write_topics if direct else [layout.answers]
        self._consumer.assign(
            [
                TopicPartition(topic, partition, OFFSET_BEGINNING)
                for topic in topics
                for partition in range(layout.partitions)
            ]
        )
        #: where the commands of each switch go, their key, and what stands around their ids.
        self._switches = [
            (
                layout.read_topics[layout.floodlight_of(switch)] if direct else layout.inbound,
                messages.switch_id(switch).encode(),
                *messages.command_around(switch),
            )
            for switch in range(layout.switches)
        ]
        self._ends = f"bench-{0:03d}-".encode()

    def _begin(self) -> Phase:
        self._phases += 1
        self._phase = Phase(self._phases)
        self._ends = b"bench-%03d-" % self._phases
        return self._phase

    # -- sending and receiving ----------------------------------------------------------------

    def _send(self, count: int, at: float | None = None, apart: float = 0.0) -> None:
        """Send `count` commands; `at` (s) is when the first should be sent, `apart` (s) the next
        ones; without it now is the time.
        """
        phase, produce = self._phase, self._producer.produce
        switches, begin = self._switches, at
        for step in range(count):
            topic, key, before, after = switches[phase.sent % len(switches)]
            phase.began.append(_now() if begin is None else begin + step * apart)
            phase.took.append(-1.0)
            name = messages.correlation_id(phase.number, phase.sent)
            produce(topic, before + name + after, key)
            phase.sent += 1

    def _receive(self, timeout: float) -> None:
        """Take the answers that are there, or wait up to `timeout` (s) for the first."""
        self._producer.poll(0)
        first = self._consumer.poll(timeout) if timeout else None
        phase, ours = self._phase, self._ends
        size = len(ours)
        for message in (first, *self._consumer.consume(MOST, timeout=0)):
            value = message.value() if message is not None else None
            if value is None:
                continue  # nothing came, or an error that librdkafka gets over by itself
            name = messages.id_in(value)
            # Others are late ones of an older phase; acknowledgements come when it is direct.
            if name[:size] == ours and messages.ACK_MARK not in value:
                phase.answer(int(name[size:]), _now(), error=messages.ERROR_MARK in value)

    # -- orders -------------------------------------------------------------------------------

    def probe(self) -> dict[str, Any]:
        """Send a few commands until all of them come back without an error; then one for every
        switch, until those do.
        """
        until = _now() + PROBE
        few = min(len(self._switches), PROBES)
        for count, patience in ((few, 3.0), (len(self._switches), 30.0)):
            phase = self._try(count, patience)
            while phase.answered < count or phase.errors:
                if _now() > until:
                    said = f"{phase.answered} of {count} answered, {phase.errors} with an error"
                    return {"fault": f"not ready after {PROBE:.0f} s: {said}"}
                phase = self._try(count, patience)
        return {}

    def _try(self, count: int, patience: float) -> Phase:
        """Send `count` commands and wait up to `patience` s for their answers."""
        phase, until = self._begin(), _now() + patience
        self._send(count)
        while phase.answered < count and _now() < until:
            self._receive(0.1)
        if phase.errors:
            time.sleep(0.5)  # it answers, but does not know where all switches are
        return phase

    def closed(
        self, watch: Mapping[str, Sequence[int]], in_flight: int, seconds: float
    ) -> dict[str, Any]:
        """`in_flight` commands under way all the time, for `seconds`."""
        phase = self._begin()

        def step() -> None:
            self._send(in_flight + phase.answered - phase.sent)
            self._receive(0.05)

        return self._measure(step, watch, 0.0, seconds)

    def open(
        self, watch: Mapping[str, Sequence[int]], rate: float, warm: float, seconds: float
    ) -> dict[str, Any]:
        """`rate` commands a second, each at its time, however slowly answers come.

        A command's latency counts from when it should have been sent, so that a requester or a
        router that stalls cannot hide it; that of the first `warm` s does not count.
        """
        phase, began = self._begin(), _now()
        next_tick = began

        def step() -> None:
            nonlocal next_tick
            next_tick = max(next_tick + TICK, _now())
            due = int((_now() - began) * rate) + 1 - phase.sent
            if due > 0:
                self._send(due, began + phase.sent / rate, 1 / rate)
            self._receive(0)
            time.sleep(max(0.0, next_tick - _now()))

        return self._measure(step, watch, warm, seconds)

    def _measure(
        self,
        step: Callable[[], None],
        watched: Mapping[str, Sequence[int]],
        warm: float,
        seconds: float,
    ) -> dict[str, Any]:
        """All from the first command to the last answer, so that a contender that answers in waves
        pays for exactly what it answers; and the latencies of what was sent after `warm` s.
        """
        phase, watch, began = self._phase, Watch(watched), _now()
        while _now() < began + warm:
            step()
        first = phase.sent
        while _now() < began + warm + seconds:
            step()
        memory = watch.memory()
        self._drain()
        found = {
            "seconds": _now() - began,
            "sent": phase.sent,
            "answered": phase.answered,
            "errors": phase.errors,
            "lost": phase.sent - phase.answered,
            "cpu": watch.used(),
            "memory": memory,
        }
        self._wait_for_duplicates()
        # One that was not answered took longer than all others.
        took = [each if each >= 0 else seconds + DRAIN for each in phase.took[first:]]
        return {**found, "latency": percentiles(took), "duplicates": phase.duplicates}

    def _drain(self) -> None:
        """Wait for the answers that are under way."""
        phase = self._phase
        until = _now() + DRAIN
        while phase.answered < phase.sent and _now() < until:
            self._receive(0.1)

    def _wait_for_duplicates(self) -> None:
        until = _now() + 0.2
        while _now() < until:
            self._receive(0.1)

    def serve(self) -> None:
        """Do what stdin says until it ends."""
        orders: dict[str, Callable[..., dict[str, Any]]] = {
            "probe": self.probe,
            "closed": self.closed,
            "open": self.open,
        }
        for line in sys.stdin:
            order = json.loads(line)
            result = orders[order.pop("do")](**order)
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    Requester(from_environment(), direct="--direct" in sys.argv[1:]).serve()
