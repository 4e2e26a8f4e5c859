"""A small Faust application beside the router, set up by flrouter's own settings."""

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

    #: why this process ends, if nobody asked it to.
    given_up = ""

    def __init__(self, settings: Settings, name: str) -> None:
        """Args:
        settings: the router's.
        name: what its consumer group has behind the router's.
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
            # A topic that Kafka did not show yet when the group was formed is noticed this soon.
            consumer_metadata_max_age_ms=5_000,
            producer_request_timeout=15.0,
            # The embedded broker tells a wrong end of batches that hold several records.
            producer_max_batch_size=1 if settings.embedded else 1 << 18,
            topic_replication_factor=settings.replication,
            topic_disable_leader=True,
            table_standby_replicas=0,
            store="memory://",
            value_serializer="raw",
            # By default an agent that fails goes on behind the record at which it failed.
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
        """None are needed: upstream makes a data folder wherever it is started."""
