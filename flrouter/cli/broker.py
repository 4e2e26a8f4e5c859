"""`flrouter broker`: the embedded broker in the foreground."""

from __future__ import annotations

import signal
import subprocess

import click

from flrouter import embedded
from flrouter.failure import BAD_USAGE_STATUS, Failure


@click.command()
@click.option(
    "--port", type=click.IntRange(1, 65535), default=9092, show_default=True, help="On loopback."
)
def broker(port: int) -> None:
    """Run the embedded broker (in memory, for demo and tests only)."""
    if embedded.listening(port):
        raise Failure(f"port {port} is taken: choose another one with --port", BAD_USAGE_STATUS)
    process: subprocess.Popen[bytes] | None = None
    signals = 0

    def stop(*_: object) -> None:
        """End the broker on the first signal, and by force on the next."""
        nonlocal signals
        signals += 1
        if process is not None:
            (process.terminate if signals == 1 else process.kill)()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        process = embedded.start(port)
    except embedded.BrokerMissing as error:
        raise Failure(str(error)) from error
    if signals:
        process.terminate()
    click.echo(
        "The embedded broker keeps everything in memory and nothing on disk: it is for demo and"
        f" tests only.\nFLROUTER_BROKER={embedded.SCHEME}://127.0.0.1:{port}"
    )
    status = process.wait()
    if not signals:
        raise Failure(f"the embedded broker ended by itself with status {status}: start it again")
