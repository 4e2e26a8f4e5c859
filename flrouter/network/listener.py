"""A small Faust application beside the router, configured by flrouter's settings."""

from __future__ import annotations

from typing import Any

import faust
from mode.supervisors import CrashingSupervisor
from yarl import URL

from flrouter.kafka.cluster.security import credentials
from flrouter.network.faults import TableManager, Transport
from flrouter.settings.model import Settings
from flrouter.telemetry import logs
from flrouter.web_port import tls
from flrouter.web_port.server import WebServer


class Listener(faust.App):
    """Reads what the router writes."""

    #: why this process stops by itself; empty if it does not.
    given_up = ""

    def __init__(self, settings: Settings, name: str) -> None:
        """Args:
        settings: the router's.
        name: the suffix that its consumer group's name adds to the router's.
        """
        self.settings = settings
        super().__init__(
            f"{settings.app_id}-{name}",
            broker=[URL(f"kafka://{server}") for server in settings.bootstrap_servers],
            broker_credentials=credentials(settings),
            broker_session_timeout=settings.session_timeout,
            broker_heartbeat_interval=min(settings.session_timeout / 4, 3.0),
            broker_request_timeout=max(30.0, settings.session_timeout),
            broker_rebalance_timeout=3.0 if settings.embedded else settings.session_timeout * 2,
            broker_commit_interval=0.5,
            # Notices a topic this soon that Kafka did not list yet when the group was formed.
            consumer_metadata_max_age_ms=5_000,
            producer_request_timeout=15.0,
            # The embedded broker reports a wrong end offset for batches of several records.
            producer_max_batch_size=1 if settings.embedded else 1 << 18,
            topic_replication_factor=settings.replication,
            topic_disable_leader=True,
            table_standby_replicas=0,
            store="memory://",
            value_serializer="raw",
            # By default an agent that fails skips the record and goes on with the next one.
            agent_supervisor=CrashingSupervisor,
            TableManager=TableManager,
            autodiscover=False,
            logging_config=logs.config(settings.log_format),
        )

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def _new_web(self) -> WebServer:
        return WebServer(self, self.settings.web_hosts, tls.shown(self.settings))

    def _create_directories(self) -> None:
        """Create nothing: upstream would create a data folder in the working directory."""
