"""`flrouter worker`: Faust's own, which says at once what will never let it work.

It listens on loopback unless told otherwise. Where log lines are JSON it prints nothing else.
"""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import os
import socket
import sys
from contextlib import suppress
from typing import Any, ClassVar, NoReturn

import faust
from aiokafka.errors import KafkaError
from faust.cli import params
from faust.cli import worker as upstream
from faust.cli.base import now_builtin_worker_options, option
from mode.utils.loops import get_event_loop

from flrouter import __version__
from flrouter.failure import BAD_USAGE_STATUS, Failure
from flrouter.kafka.cluster.login import LoginRefused, log_in
from flrouter.kafka.cluster.preflight import NoTransactions, require_transactions
from flrouter.kafka.cluster.topics import BadTopic
from flrouter.telemetry.logs import Folding

#: where a worker listens by default.
LOOPBACK = "127.0.0.1"
_ANYWHERE = {"0.0.0.0", "::"}
#: after how long the interpreter changes threads: Kafka is read in a thread of its own.
SWITCH_INTERVAL_S = 0.001
#: allocations between garbage collections, and of how many of these one looks at older objects too.
#: Full collections are rare, because each visits every switch.
COLLECT_AFTER_ALLOCATIONS = (50_000, 20, 50)


def tune() -> None:
    """Set the interpreter up for a worker."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_AFTER_ALLOCATIONS)


class Process(faust.Worker):
    """Faust's, without a traceback for what an operator can cause."""

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Fold what comes again and again."""
        super().on_setup_root_logger(logger, level)
        for handler in logger.handlers:
            handler.addFilter(Folding())

    async def start(self) -> None:
        """Start, or give up."""
        app = self.app
        try:
            await super().start()
        except (BadTopic, LoginRefused, NoTransactions) as error:
            app.given_up = str(error)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            app.given_up = _taken(app.conf.web_bind, app.conf.web_port, error).message
        if app.given_up:
            raise asyncio.CancelledError  # it stops without a traceback


class worker(upstream.worker):  # noqa: N801 - Faust takes the command's name from it
    """Run a worker of the router: as many as you like, anywhere."""

    options: ClassVar[list[Any]] = [
        option(
            "--web-host",
            "-h",
            default="",
            metavar="HOST",
            help="Where its web port listens, and where the other workers ask it: a name or an"
            f" address of this machine (default: {LOOPBACK}).",
        ),
        option(
            "--web-bind",
            "-b",
            default="",
            metavar="ADDRESS",
            help="Where its web port listens, if not where the others ask it: 0.0.0.0 in a"
            " container.",
        ),
        option(
            "--web-port",
            "-p",
            default=6066,
            show_default=True,
            type=params.TCPPort(),
            help="The web port.",
        ),
        *now_builtin_worker_options,
    ]

    def run_using_worker(self, *args: Any, **kwargs: Any) -> None:
        """Ask before anything else for what gets no better by waiting."""

        async def ask() -> None:
            with suppress(KafkaError):  # it waits for brokers that are away
                await log_in(self.app.settings)
                await require_transactions(self.app.settings)

        try:
            get_event_loop().run_until_complete(ask())
        except (LoginRefused, NoTransactions) as error:
            _fail(Failure(str(error)))
        try:
            super().run_using_worker(*args, **kwargs)
        finally:
            if self.app.given_up:
                _fail(Failure(self.app.given_up))

    def _init_worker_options(
        self, *args: Any, web_host: str, web_bind: str, web_port: int, **kwargs: Any
    ) -> None:
        """Take them in our meaning, and end here when the port could not be opened later."""
        conf = self.app.conf
        conf.web_enabled = True
        conf.web_bind, host = addresses(web_host, web_bind)
        conf.web_host, conf.web_port = host, web_port
        _check_free(conf.web_bind, web_port)
        scheme = "https" if self.app.settings.web_certfile else "http"
        conf.canonical_url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{web_port}"

    def on_worker_created(self, worker: Any) -> None:
        """Print the banner for people only; collectors of logs read JSON and nothing else."""
        if self.app.settings.log_format == "json":
            worker.quiet = True
            worker.spinner = None
        else:
            super().on_worker_created(worker)

    def banner(self, worker: Any) -> str:
        """What it is, and where."""
        conf = self.app.conf
        return (
            f"flrouter {__version__}\n  app id   {conf.id}\n  broker   {self.app.settings.broker}\n"
            f"  web      {conf.canonical_url}/\n  process  {os.getpid()}"
        )


def addresses(web_host: str, web_bind: str) -> tuple[str, str]:
    """Where a worker listens, and where the others ask it: by its machine's name if everywhere."""
    listens = web_bind or web_host or LOOPBACK
    return listens, web_host or (socket.gethostname() if listens in _ANYWHERE else listens)


def _check_free(address: str, port: int) -> None:
    try:
        family, kind, _, _, target = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(target)
            probe.listen()
    except OSError as error:
        _fail(_taken(address, port, error))


def _taken(address: str, port: int, error: OSError) -> Failure:
    return Failure(
        f"the web port cannot be opened on {address}, port {port} ({error.strerror}): choose"
        " another one with --web-port, or an address of this machine with --web-host or --web-bind",
        BAD_USAGE_STATUS,
    )


def _fail(failure: Failure) -> NoReturn:
    failure.show()  # Faust would show a traceback
    sys.exit(failure.exit_code)
