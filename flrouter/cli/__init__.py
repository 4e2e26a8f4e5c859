"""The commands that flrouter adds to Faust's command line."""

from __future__ import annotations

import time

#: monotonic seconds: as soon as this process could look at a clock.
STARTED = time.monotonic()


def register() -> None:
    """Add the commands to ``faust``, in the place of Faust's own of that name."""
    from faust.cli.base import cli

    import flrouter.cli.worker  # noqa: F401 - Faust takes it by its being there
    from flrouter.cli import changing, looking
    from flrouter.cli.broker import broker
    from flrouter.cli.completion import completion
    from flrouter.cli.dead_letters import dead_letters
    from flrouter.cli.demo import demo
    from flrouter.cli.floodlight import floodlight
    from flrouter.cli.profile import profile
    from flrouter.cli.sending import send
    from flrouter.cli.speaker import speaker
    from flrouter.cli.top import top

    ours = (broker, completion, dead_letters, demo, floodlight, profile, send, speaker, top)
    for command in (*ours, *looking.COMMANDS, *changing.COMMANDS):
        cli.add_command(command)
