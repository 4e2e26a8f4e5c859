"""What the brokers are told: `server.properties` for a cluster that lives for one test run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Place:
    """Where one node lives: its id, its ports on loopback and its folder.

    Clients and the other brokers have a listener each, so that a test may ask clients for
    passwords and certificates while the brokers go on talking among themselves.
    """

    id: int
    client_port: int
    broker_port: int
    controller_port: int
    folder: Path

    @property
    def client(self) -> str:
        """host:port for clients."""
        return f"{HOST}:{self.client_port}"

    @property
    def broker(self) -> str:
        """host:port for the other brokers, and for our own questions; always PLAINTEXT."""
        return f"{HOST}:{self.broker_port}"

    @property
    def controller(self) -> str:
        """host:port for the controllers' quorum."""
        return f"{HOST}:{self.controller_port}"


def properties(
    place: Place, all_places: Iterable[Place], protocol: str, more: Mapping[str, str]
) -> dict[str, str]:
    """The settings of the node at `place`.

    Args:
        place: which of them.
        all_places: every node of the cluster; each is a broker and a controller.
        protocol: how clients talk to it, as Kafka names it (PLAINTEXT, SASL_SSL, …).
        more: settings that come on top; these win.
    """
    places = list(all_places)
    return _network(place, places, protocol) | _copies(len(places)) | _SMALL | _QUICK | dict(more)


def as_text(settings: Mapping[str, str]) -> str:
    """Settings as the text of a .properties file."""
    escaped = {
        key: value.replace("\\", "\\\\").replace("\n", "\\n") for key, value in settings.items()
    }
    return "".join(f"{key}={value}\n" for key, value in sorted(escaped.items()))


def _network(place: Place, places: list[Place], protocol: str) -> dict[str, str]:
    listeners = f"CLIENT://{place.client},BROKER://{place.broker}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(place.id),
        "controller.quorum.voters": ",".join(f"{each.id}@{each.controller}" for each in places),
        "listeners": f"{listeners},CONTROLLER://{place.controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": (
            f"CLIENT:{protocol},BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
        ),
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(place.folder / "data"),
    }


def _copies(brokers: int) -> dict[str, str]:
    """As many copies as a cluster of this size is run with."""
    copies = str(min(3, brokers))
    in_sync = str(2 if brokers > 2 else 1)
    return {
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
    }


#: for machines that run all brokers, the router and the tests on two cores.
_SMALL = {
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "num.recovery.threads.per.data.dir": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.num.partitions": "8",
    "share.coordinator.state.topic.num.partitions": "1",
    "log.cleaner.dedupe.buffer.size": str(8 << 20),  # of the heap; 128 MB by default
    "log.segment.bytes": str(64 << 20),
    "log.index.size.max.bytes": str(1 << 20),
}

#: so that tests wait for what they test and for nothing else.
_QUICK = {
    "auto.create.topics.enable": "false",  # a wrong name is to be an error
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    # A killed broker's partitions get new leaders after this; 9 s by default.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # A killed controller's successor; 2 s and 1 s by default.
    "controller.quorum.fetch.timeout.ms": "1500",
    "controller.quorum.election.timeout.ms": "500",
    "controller.quorum.election.backoff.max.ms": "300",
    "replica.fetch.backoff.ms": "200",
    "leader.imbalance.check.interval.seconds": "10",  # a restarted broker leads again soon
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
}
