"""The control channel of a simulated FL in a process of its own: JSON lines in and out.

Requests; each may carry an `id`, which its reply repeats:

=========================================================== ====================================
`{"fault": "silent", "value": true, "switch": "…"}`         set a fault; `value` (default true)
                                                            false or 0 ends it
`{"clear": true}`, `{"clear": true, "switch": "…"}`         end all faults, or those of a switch
`{"connect": "…", "mode": "RO", "ports": 4}`                a switch, or a list of them, connects
`{"disconnect": "…", "state": "REMOVED"}`                   … goes away (default DEACTIVATED)
`{"port": 3, "switch": "…", "state": "DOWN"}`               a port changes
`{"event": {"clazz": …}, "switch": "…"}`                    report anything
`{"isl": [["1", 2], ["2", 1]]}`                             report a link, its receiver last
`{"counts": true}`                                          what was done so far
`{"stop": true}`                                            stop cleanly
`{"crash": true}`                                           end at once: no reply
=========================================================== ====================================

Replies: `{"ok": true, "delivered": true, …}` or `{"ok": false, "error": "…"}`. `delivered` says
whether Kafka has acknowledged the events that the request caused; it is absent without events. A
reply with `delivered` comes once the outcome is known. During a cut, that is after its end.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from flrouter.speaker.serving import process
from flrouter.speaker.simulated.floodlight import SimulatedFloodlight
from flrouter.speaker.simulated.options import FloodlightOptions
from flrouter.speaker.sync import Mode, PortState

#: the exit status of a simulated crash: that of a process killed by SIGKILL.
CRASHED_STATUS = 137

_MODES = {"RW": Mode.READ_WRITE, "RO": Mode.READ_ONLY}


class BadRequest(ValueError):
    """A control line that is no valid request; the text says what is wrong with it."""


class Control:
    """Carries out control requests on one simulated FL."""

    def __init__(
        self,
        floodlight: SimulatedFloodlight,
        say: Callable[[dict[str, Any]], None],
        stop: Callable[[], None],
    ) -> None:
        """Args:
        say: takes each reply.
        stop: called for `{"stop": true}`.
        """
        self._floodlight = floodlight
        self._say = say
        self._stop = stop
        self._waiting: set[asyncio.Task[None]] = set()

    def line(self, line: bytes) -> None:
        """Carry out one request; the reply may come later."""
        request: Any = {}
        try:
            request = msgspec.json.decode(line)
            if not isinstance(request, dict):
                raise BadRequest(f"{request!r} is no request: expected an object")
            events = self._do(request)
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
            self._reply(request, ok=False, error=f"{type(error).__name__}: {error}")
            return
        if isinstance(events, dict):
            self._reply(request, ok=True, **events)
        else:
            task = asyncio.create_task(self._when_delivered(request, events))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    def _do(self, request: dict[str, Any]) -> dict[str, Any] | list[Awaitable[bool]]:
        """Carry out a request; returns the reply's members, or the events to wait for."""
        floodlight = self._floodlight
        switch = request.get("switch")
        match request:
            case {"crash": True} | {"fault": "crash"}:
                os._exit(CRASHED_STATUS)
            case {"fault": str(fault)}:
                floodlight.set_fault(fault, request.get("value", True), switch)
                return {}
            case {"clear": True}:
                floodlight.clear_faults(switch)
                return {}
            case {"connect": switches}:
                mode, ports = _MODES[request.get("mode", "RW")], request.get("ports")
                return [floodlight.connect(name, ports, mode) for name in _list(switches)]
            case {"disconnect": switches}:
                state = request.get("state", "DEACTIVATED")
                return [floodlight.disconnect(name, state) for name in _list(switches)]
            case {"port": int(number), "state": str(state)}:
                return [floodlight.set_port(request["switch"], number, PortState(state))]
            case {"event": {"clazz": str()} as payload}:
                return [floodlight.event(payload, switch)]
            case {"isl": [[str(source), int(out)], [str(destination), int(into)]]}:
                return [floodlight.isl_event((source, out), (destination, into))]
            case {"counts": True}:
                return {"counts": floodlight.counts.as_dict()}
            case {"stop": True}:
                self._stop()
                return {}
        raise BadRequest(f"{request!r} asks for nothing known")

    async def _when_delivered(self, request: Any, events: list[Awaitable[bool]]) -> None:
        delivered = all(await asyncio.gather(*events))
        self._reply(request, ok=True, delivered=delivered)

    def _reply(self, request: Any, **reply: Any) -> None:
        if isinstance(request, dict) and "id" in request:
            reply["id"] = request["id"]
        self._say(reply)


def listen(line: Callable[[bytes], None]) -> None:
    """Hand each line of stdin to `line`, in the running loop, until stdin ends.

    A thread reads stdin: an event loop cannot watch all of a terminal, a file and /dev/null.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        # Not through sys.stdin: this thread would hold its lock, and the interpreter's exit fails.
        with open(0, "rb", closefd=False) as stdin, suppress(RuntimeError):  # the loop has ended
            for text in stdin:
                if text.strip():
                    loop.call_soon_threadsafe(line, text)

    threading.Thread(target=read, name="control", daemon=True).start()


def _list(switches: Any) -> list[str]:
    return switches if isinstance(switches, list) else [switches]


async def run(options: FloodlightOptions) -> None:
    """Run a simulated FL until SIGTERM, SIGINT or a `stop` request.

    The FL is ready when it reads commands and Kafka has acknowledged its switches' events. It takes
    requests from stdin.

    Raises:
        BadTopics: the FL's topics cannot be used.
    """
    floodlight = SimulatedFloodlight(options)

    def started(stop: asyncio.Event) -> None:
        listen(Control(floodlight, process.say, stop.set).line)

    await process.run(floodlight, lambda: {"switches": len(floodlight.connected)}, started)
