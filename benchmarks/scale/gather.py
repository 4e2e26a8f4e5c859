"""What a switch costs in a command for a thousand of them, against a command of its own.

As in `core.py`: one shard with all its work but Kafka's, and FLs that acknowledge and send back
what they got. Both sorts of commands have the same payloads. They take turns, and each counts with
its fastest turn:

    python -m benchmarks.scale.gather SWITCHES
"""

from __future__ import annotations

import gc
import json
import sys
import time

from benchmarks import messages
from benchmarks.scale.core import Core

TURNS = 10
FLOODLIGHTS = 4


def scattered(switches: int, number: int) -> bytes:
    """One command with the payloads of as many single ones."""
    payloads = []
    for switch in range(switches):
        before, after = messages.command_around(switch)
        payloads.append(json.loads(before + b"x" + after)["payload"])
    message = json.loads(before + messages.correlation_id(2, number) + after)
    message["payload"] = {"clazz": "flrouter.MultiSwitchCommand", "commands": payloads}
    return json.dumps(message, separators=(",", ":")).encode()


def turn(core: Core, commands: list[bytes], answers: int) -> float:
    """Send commands, acknowledge and answer what comes of them; the CPU seconds that it took."""
    gc.collect()
    began = time.process_time()
    sent = core.send(commands)
    core.acknowledge(sent)
    came = core.answer(sent)
    core.tick()  # what is dropped of a gather once its answer is kept belongs to it
    spent = time.process_time() - began
    if came != answers:
        raise RuntimeError(f"{came} answers, {answers} were expected")
    return spent


def measure(switches: int) -> dict[str, float]:
    """CPU (µs) of a single command, and of each switch in one command for all."""
    core = Core(switches, FLOODLIGHTS)
    core.connect()
    alone: list[float] = []
    together: list[float] = []
    for number in range(TURNS):
        alone.append(turn(core, core.commands(switches), switches))
        together.append(turn(core, [scattered(switches, number)], 1))
    return {
        "single_us": min(alone) / switches * 1e6,
        "gathered_us": min(together) / switches * 1e6,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(int(sys.argv[1]))) + "\n")
