"""The Faust application that the router's and those beside it are made of."""

from __future__ import annotations

from typing import Any, ClassVar

import faust
from mode.supervisors import CrashingSupervisor
from yarl import URL

from flrouter.faust_side.worker import Process
from flrouter.kafka.cluster.clients import ssl_context
from flrouter.settings.model import Settings
from flrouter.telemetry import logs
from flrouter.web_port import tls
from flrouter.web_port.server import WebServer


class BaseApp(faust.App):
    """A Faust application that flrouter's settings configure."""

    #: the class of its transport.
    Transport: ClassVar[Any]
    #: why this process ends, if nobody asked it to.
    given_up = ""

    def __init__(
        self, settings: Settings, name: str, heartbeat_interval_s: float, **options: Any
    ) -> None:
        """Args:
        settings: the router's.
        name: that of its consumer group.
        heartbeat_interval_s: at most; a rebalance is heard of with the next heartbeat.
        options: more of Faust's.
        """
        self.settings = settings
        super().__init__(
            name,
            broker=[URL(f"kafka://{server}") for server in settings.bootstrap_servers],
            broker_credentials=_credentials(settings),
            broker_session_timeout=settings.session_timeout,
            broker_heartbeat_interval=min(settings.session_timeout / 4, heartbeat_interval_s),
            broker_request_timeout=max(30.0, settings.session_timeout),
            # The embedded broker waits so long at every join: docs/embedded-broker.md.
            broker_rebalance_timeout=3.0 if settings.embedded else settings.session_timeout * 2,
            # Finds topics that a broker did not show yet when the group was formed.
            consumer_metadata_max_age_ms=5_000,
            producer_request_timeout=15.0,
            topic_replication_factor=settings.replication,
            topic_disable_leader=True,
            table_standby_replicas=0,
            store="memory://",
            # By default an agent that fails skips the record and goes on with the next one.
            agent_supervisor=CrashingSupervisor,
            autodiscover=False,
            Worker=Process,  # with this import Faust also finds the command `worker`
            logging_config=logs.config(settings.log_format),
            **options,
        )

    def _new_transport(self) -> Any:
        return self.Transport(self.conf.broker_consumer, self)

    def _new_web(self) -> WebServer:
        return WebServer(self, self.settings.web_hosts, tls.shown(self.settings))

    def _create_directories(self) -> None:
        """None are needed: upstream makes a data folder wherever it is started."""


def _credentials(settings: Settings) -> Any:
    """What a Faust app takes as `broker_credentials`; None when there is nothing to show."""
    context = ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=settings.sasl_password,
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
