"""The contenders: each routes the same messages over topics of its own.

All but the loops remember a command under its correlation id in a store with a changelog, note its
FL's acknowledgement there, and answer it once.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.contenders import java_build
from benchmarks.layout import Layout
from flrouter.embedded import free_port

#: the one that all are compared with.
OURS = "flrouter"
#: the same with transactions, which is compared with transactions only.
OURS_EXACTLY_ONCE = "flrouter-exactly-once"
STREAMS_EXACTLY_ONCE = "kafka-streams-exactly-once"
#: the loops: what a client costs without any state.
LOOPS = ("aiokafka-loop", "librdkafka-loop")
#: no router at all: what the clients and the broker can do at most.
DIRECT = "direct"


@dataclasses.dataclass(frozen=True)
class Contender:
    """How one of them is started."""

    name: str
    #: a line for people.
    title: str
    #: the command that runs it with a layout; it sees :meth:`Layout.environment` too.
    command: Callable[[Layout], list[str]]
    #: more environment variables.
    environment: Callable[[Layout], Mapping[str, str]] = lambda layout: {}
    #: changelogs that it does not make by itself, and their partitions.
    changelogs: Callable[[Layout], Mapping[str, int]] = lambda layout: {}
    #: why it cannot run on this machine, after having built it; None when it can.
    missing: Callable[[], str | None] = lambda: None


#: it pins an older confluent-kafka than flrouter's own.
QUIX = Path(__file__).parents[2] / ".venv" / "quix" / "bin" / "python"


def _python(
    module: str, *arguments: str, python: Path = Path(sys.executable)
) -> Callable[[Layout], list[str]]:
    return lambda layout: [str(python), "-m", module, *arguments]


def router_settings(layout: Layout) -> dict[str, str]:
    """The settings of flrouter: only names differ from the defaults."""
    given: dict[str, object] = {
        "broker": layout.url,
        "app_id": layout.name,
        "partitions": layout.partitions,
        "floodlights": ",".join(layout.floodlight_ids),
        "flow_topic": layout.answers,
        "history": bool(layout.history),
    }
    if layout.profile:
        given["profile"] = layout.profile
    else:
        given["inbound_topics"] = layout.inbound
        given["fl_read_topic"] = layout.read_topic("{fl}")
        given["fl_write_topic"] = layout.write_topic("{fl}")
    roles = ("northbound", "disco", "stats", "ping")
    given |= {f"{role}_topic": f"{layout.name}.{role}" for role in roles}
    return {f"FLROUTER_{name.upper()}": str(value) for name, value in given.items()}


def _exactly_once(layout: Layout) -> dict[str, str]:
    return router_settings(layout) | {"FLROUTER_GUARANTEE": "exactly_once"}


def _flrouter(layout: Layout) -> list[str]:
    worker = ("flrouter", "worker", "-l", "info", "--web-port", str(free_port()))
    return [sys.executable, "-m", *worker]


def _plain_faust(layout: Layout) -> list[str]:
    app = ("-A", "benchmarks.contenders.plain_faust", "worker", "-l", "info", "--without-web")
    return [sys.executable, "-m", "faust", *app]


#: ms; between two commits, as flrouter has it.
COMMIT_INTERVAL_MS = "100"

ALL = (
    Contender(OURS, "flrouter, one worker", _flrouter, router_settings),
    Contender(OURS_EXACTLY_ONCE, "flrouter, one worker, exactly once", _flrouter, _exactly_once),
    Contender(
        "plain-faust",
        "plain Faust, two agents and one table",
        _plain_faust,
        # Faust asks for topics in a way that Kafka 4 does not understand any more.
        changelogs=lambda layout: {
            f"{layout.name}-pending-changelog": layout.partitions,
            f"{layout.name}-__assignor-__leader": 1,
        },
    ),
    Contender(
        "quix-streams",
        "Quix Streams with state (RocksDB)",
        _python("benchmarks.contenders.quix_streams", python=QUIX),
        missing=lambda: None if QUIX.exists() else f"needs {QUIX}: make bench makes it",
    ),
    Contender(
        "kafka-streams",
        "Kafka Streams with a store (Java)",
        java_build.command("bench.KafkaStreamsRouter"),
        missing=java_build.missing,
    ),
    Contender(
        "kafka-streams-as-often",
        "the same, commits every 100 ms",
        java_build.command("bench.KafkaStreamsRouter", COMMIT_INTERVAL_MS, "at_least_once"),
        missing=java_build.missing,
    ),
    Contender(
        STREAMS_EXACTLY_ONCE,
        "the same, exactly_once_v2",
        java_build.command("bench.KafkaStreamsRouter", COMMIT_INTERVAL_MS, "exactly_once_v2"),
        missing=java_build.missing,
    ),
    Contender(
        "aiokafka-loop",
        "loop on aiokafka, no state",
        _python("benchmarks.contenders.aiokafka_loop"),
    ),
    Contender(
        "librdkafka-loop",
        "loop on librdkafka, no state",
        _python("benchmarks.contenders.librdkafka_loop"),
    ),
    Contender(
        "java-loop",
        "loop on Kafka's Java client, no state",
        java_build.command("bench.JavaLoop"),
        missing=java_build.missing,
    ),
)
