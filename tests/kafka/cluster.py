"""A cluster of Kafka nodes on loopback."""

from __future__ import annotations

import base64
import contextlib
import logging
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError, TransactionalIdNotFoundError

from flrouter.embedded import free_ports, listening
from tests.kafka import archive as archives
from tests.kafka import jars
from tests.kafka.config import Place, properties
from tests.kafka.guard import Guard
from tests.kafka.node import Node
from tests.support.sockets import close_all_sockets

_log = logging.getLogger(__name__)

#: a group and transactional id that nobody has.
_NOBODY = "flrouter-tests-nobody"
_INTERNAL = frozenset({"__consumer_offsets", "__transaction_state"})


class NotReady(RuntimeError):
    """The brokers did not become what was awaited; the text ends with the end of their logs."""


class Cluster:
    """Brokers 1 to `brokers`, each also a controller; a majority of them keeps it going.

        with Cluster(3) as cluster:
            ...  # clients connect to cluster.bootstrap
            cluster.kill(2)
            cluster.restart(2)

    Args:
        brokers: how many; from three on topics have three copies, two of which must be in sync.
        settings: Kafka's own settings for every broker; these win over ours.
        protocol: how clients talk to the brokers, as Kafka names it.
        format_arguments: more for `StorageTool format`, such as --add-scram.
        heap: each broker's -Xmx.
        jvm: more options for each broker's Java, such as -Djava.security.auth.login.config.
        archive: whether to start quickly with an archive of classes, made when there is none.

    Raises:
        KafkaMissing: Java or Maven has to be installed first.
    """

    def __init__(
        self,
        brokers: int = 3,
        *,
        settings: Mapping[str, str] | None = None,
        protocol: str = "PLAINTEXT",
        format_arguments: Sequence[str] = (),
        heap: str = "256m",
        jvm: Sequence[str] = (),
        archive: bool = True,
    ) -> None:
        close_all_sockets()
        command = _command(archive=archive)
        self.folder = Path(tempfile.mkdtemp(prefix="flrouter-kafka-"))
        self._guard = Guard(self.folder)
        self._format_arguments = format_arguments
        ports = iter(free_ports(3 * brokers))
        places = [
            Place(
                id=number,
                client_port=next(ports),
                broker_port=next(ports),
                controller_port=next(ports),
                folder=self.folder / f"broker-{number}",
            )
            for number in range(1, brokers + 1)
        ]
        self._nodes = {
            place.id: Node(
                place,
                properties(place, places, protocol, settings or {}),
                command=command,
                jvm=(f"-Xmx{heap}", *jvm),
                guard=self._guard,
            )
            for place in places
        }
        self._formatted = False

    @property
    def ids(self) -> tuple[int, ...]:
        """All brokers' ids, from 1 on."""
        return tuple(self._nodes)

    @property
    def running(self) -> tuple[int, ...]:
        """The ids of those whose process we started and did not end."""
        return tuple(each for each, node in self._nodes.items() if node.pid is not None)

    @property
    def pids(self) -> dict[int, int]:
        """The process of each running broker."""
        return {each: node.pid for each, node in self._nodes.items() if node.pid is not None}

    @property
    def bootstrap(self) -> str:
        """All brokers' addresses for clients, `host:port,host:port`."""
        return ",".join(node.place.client for node in self._nodes.values())

    @property
    def url(self) -> str:
        """The same as FLROUTER_BROKER wants it."""
        return f"kafka://{self.bootstrap}"

    @property
    def inside(self) -> str:
        """The same for the brokers' own listener, where nobody has to log in."""
        return "kafka://" + ",".join(node.place.broker for node in self._nodes.values())

    def log(self, broker: int) -> Path:
        """The log of one broker."""
        return self._nodes[broker].log

    def start(self, *, wait: bool = True) -> None:
        """Start every broker that does not run, and wait until all are ready."""
        if not self._formatted:
            self._format()
        for node in self._nodes.values():
            if node.pid is None:
                node.start()
        if wait:
            self.wait_ready()

    def kill(self, broker: int) -> None:
        """`kill -9` one broker."""
        self._nodes[broker].kill()

    def stop(self, broker: int, timeout: float = 20.0) -> None:
        """Stop one broker as an operator does, and wait until it has stopped."""
        self._nodes[broker].terminate()
        self._nodes[broker].wait(timeout)

    def restart(self, broker: int, *, wait: bool = True) -> None:
        """Start one broker again (stop it first if it runs), and wait until it has caught up."""
        if broker in self.running:
            self.stop(broker)
        self._nodes[broker].start()
        if wait:
            self.wait_ready()
            self.wait_in_sync()

    def kill_all(self) -> None:
        """`kill -9` every broker at once; `start` brings all back with what they had on disk."""
        for broker in self.running:
            self.kill(broker)

    def stop_all(self, timeout: float = 5.0) -> None:
        """Stop every broker at once; those left without a majority are killed after `timeout`."""
        stopping = [self._nodes[broker] for broker in self.running]
        for node in stopping:
            node.terminate()
        until = time.monotonic() + timeout
        for node in stopping:
            node.wait(max(0.1, until - time.monotonic()))

    def close(self) -> None:
        """Kill every broker and remove what they wrote."""
        self.kill_all()
        self._guard.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Cluster:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until every running broker serves clients, and groups and transactions work."""
        until = time.monotonic() + timeout
        wanted = set(self.running)
        ports = [self._nodes[broker].place.broker_port for broker in self.running]
        self._until(lambda: all(map(listening, ports)), until, "all brokers to listen")
        self._ask(lambda admin: wanted <= _serving(admin), until, "all brokers to serve")
        self._ask(_coordinated, until, "groups and transactions")

    def wait_in_sync(self, timeout: float = 60.0) -> None:
        """Wait until every copy of every partition is in sync: one more broker may go then."""
        until = time.monotonic() + timeout
        self._ask(lambda admin: not _behind(admin), until, "all copies to be in sync")

    def wait_missed(self, broker: int, timeout: float = 30.0) -> None:
        """Wait until the others have noticed that a broker is gone, and lead all partitions."""
        until = time.monotonic() + timeout
        others = set(self.running) - {broker}
        self._ask(
            lambda admin: broker not in _unfenced(admin) and _led(admin, others),
            until,
            f"broker {broker} to be missed",
        )

    def _format(self) -> None:
        # An id may not begin with a dash, which base64 has.
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().strip("=")
        cluster = cluster.replace("-", "_")
        tools = {
            node: node.format(cluster, self._format_arguments) for node in self._nodes.values()
        }
        for node, tool in tools.items():
            if tool.wait(60):
                raise NotReady(f"broker {node.place.id} not formatted:\n{node.output(40)}")
        self._formatted = True

    def _ask(self, what: Callable[[KafkaAdminClient], object], until: float, doing: str) -> None:
        """Wait until `what` is true of the cluster; KafkaErrors count as not yet.

        Asked by somebody new each time: kafka-python's admin stays for minutes with the brokers
        and coordinators that it found first.
        """

        def ask() -> object:
            try:
                with KafkaAdminClient(bootstrap_servers=brokers) as admin:
                    return what(admin)
            except KafkaError as error:
                _log.info("not yet %s: %s", doing, error)
                return False

        brokers = [self._nodes[each].place.broker for each in self.running]
        self._until(ask, until, doing)

    def _until(self, what: Callable[[], object], until: float, doing: str) -> None:
        while not what():
            for node in self._nodes.values():
                if node.exit_code is not None:
                    raise NotReady(
                        f"broker {node.place.id} ended with {node.exit_code}:\n{node.output(40)}"
                    )
            if time.monotonic() > until:
                raise NotReady(f"waited in vain for {doing}:\n{self._logs()}")
            time.sleep(0.05)

    def _logs(self) -> str:
        ends = {each: self._nodes[each].output(15) for each in self.running}
        return "\n".join(f"--- broker {each}\n{end}" for each, end in ends.items())


def _command(*, archive: bool) -> list[str]:
    """Java with Kafka's jars."""
    java, folder = jars.java(), jars.folder()
    command = [java.command, "-cp", f"{folder}/*"]
    if archive:
        classes = archives.path(folder, java)
        if not classes.exists():
            archives.make(classes)
        if classes.exists():
            command += archives.use(classes)
    return command


def _unfenced(admin: KafkaAdminClient) -> set[int]:
    """The brokers that take part, as the controllers see it."""
    brokers = admin.describe_cluster()["brokers"]
    return {each["broker_id"] for each in brokers if not each.get("is_fenced")}


def _serving(admin: KafkaAdminClient) -> set[int]:
    """Those that take part and also answer when they themselves are asked."""
    answers = admin.describe_log_dirs(brokers=sorted(_unfenced(admin)))
    return {each["broker"] for each in answers}


def _coordinated(admin: KafkaAdminClient) -> bool:
    """Whether groups and transactions have coordinators; asked first, Kafka makes their topics."""
    admin.describe_groups([_NOBODY])
    with contextlib.suppress(TransactionalIdNotFoundError):
        admin.describe_transactions([_NOBODY])
    return set(admin.list_topics()) >= _INTERNAL


def _partitions(admin: KafkaAdminClient) -> list[dict[str, Any]]:
    return [partition for topic in admin.describe_topics() for partition in topic["partitions"]]


def _behind(admin: KafkaAdminClient) -> bool:
    """Whether any copy of a partition is missing or lags."""
    return any(
        set(each["isr_nodes"]) != set(each["replica_nodes"]) or each["leader_id"] < 0
        for each in _partitions(admin)
    )


def _led(admin: KafkaAdminClient, brokers: Iterable[int]) -> bool:
    """Whether one of these brokers leads each partition of which one has a copy."""
    alive = set(brokers)
    return all(
        each["leader_id"] in alive
        for each in _partitions(admin)
        if alive & set(each["replica_nodes"])
    )
