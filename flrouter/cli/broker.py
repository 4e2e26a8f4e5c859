"""`flrouter broker`: the embedded broker in the foreground."""

from __future__ import annotations

import signal
import subprocess

import click

from flrouter import embedded
from flrouter.failure import BAD_USAGE_STATUS, Failure


class _Stop:
    """Ends the broker on the first signal, and by force on the next."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.told = 0

    def __call__(self, *_: object) -> None:
        self.told += 1
        self.act()

    def act(self) -> None:
        """Pass on what was told, now that there may be a process."""
        if self.process is not None and self.told:
            (self.process.terminate if self.told == 1 else self.process.kill)()


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=9092, show_default=True, help="On loopback."
)
def broker(port: int) -> None:
    """Run the embedded broker (in memory, for demo and tests only)."""
    if embedded.listening(port):
        raise Failure(f"port {port} is taken: choose another one with --port", BAD_USAGE_STATUS)
    stop = _Stop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        process = stop.process = embedded.start(port)
    except embedded.BrokerMissing as error:
        raise Failure(str(error)) from error
    stop.act()
    click.echo(
        "The embedded broker keeps everything in memory and nothing on disk: it is for demo and"
        f" tests only.\nFLROUTER_BROKER={embedded.SCHEME}://127.0.0.1:{port}"
    )
    status = process.wait()
    if not stop.told:
        raise Failure(f"the embedded broker ended by itself with status {status}: start it again")
