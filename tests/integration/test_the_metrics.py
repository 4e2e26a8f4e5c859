"""Metrics, health and readiness of real workers."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import parser
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics

from flrouter import embedded
from flrouter.cli.router import Router
from flrouter.failure import Failure
from flrouter.settings.model import Settings
from tests.kafka.authority import Authority
from tests.support.api import ask, until
from tests.support.deployment import Deployment, Worker
from tests.support.patience import HOPE
from tests.support.plain import INSTALL, command, switch_id
from tests.support.programs import PROMTOOL, require
from tests.support.simulated import SimulatedFloodlight

DOCS = Path(__file__).parents[2] / "docs"
SWITCH = switch_id(1)

broker = pytest.mark.broker


@pytest.fixture(scope="module")
def deployment(broker_url: str, work_folder: Path) -> Iterator[Deployment]:
    """A worker whose web port speaks TLS and an FL, after three commands that were answered and one
    that was not.
    """
    authority = Authority(work_folder)
    certificate, key = authority.sign("worker")
    tls = {"certfile": certificate, "keyfile": key, "cafile": authority.certificate}
    settings = {f"web_{name}": path for name, path in tls.items()}
    with Deployment(broker_url, work_folder, floodlights=["fl-1"], **settings) as deployment:
        deployment.create_topics()
        worker = deployment.start_worker()
        SimulatedFloodlight(deployment, "fl-1").start(SWITCH)
        until(lambda: ask(worker, "/api/v1/switches/1").status, lambda status: status == 200)
        requester = deployment.requester()
        for number in range(3):
            asked = command({"clazz": INSTALL, "switch_id": SWITCH}, f"op-{number}")
            requester.send(asked, SWITCH)
            requester.wait(f"op-{number}", timeout=20)
        away = switch_id(9)
        requester.send(command({"clazz": INSTALL, "switch_id": away}, "lost"), away)
        requester.wait("lost", timeout=20)
        # What a batch did is counted when the batch is kept, so just after its answers are out; and
        # two shards' batches in any order.
        until(lambda: ended(worker), lambda count: count == 4)
        yield deployment


@pytest.fixture
def worker(deployment: Deployment) -> Worker:
    """It."""
    return deployment.workers[0]


def families(worker: Worker) -> dict[str, Metric]:
    """All metrics, by name."""
    text = ask(worker, "/metrics").body.decode()
    return {family.name: family for family in parser.text_string_to_metric_families(text)}


def ended(worker: Worker) -> float:
    """How many requests have ended, whichever way."""
    samples = families(worker)["flrouter_requests_ended"].samples
    return sum(sample.value for sample in samples if sample.name.endswith("_total"))


def value(found: dict[str, Metric], family: str, sample: str = "", **labels: str) -> float:
    """One sample of a family."""
    wanted = f"flrouter_{sample or family}"
    [one] = [
        each.value
        for each in found[f"flrouter_{family}"].samples
        if each.name == wanted and {**each.labels, "app_id": ""} == {**labels, "app_id": ""}
    ]
    return one


@broker
def test_what_happened_is_counted(worker: Worker) -> None:
    """Once each, under its outcome and its FL."""
    found = families(worker)
    assert value(found, "requests_ended", "requests_ended_total", outcome="answered") == 3
    assert value(found, "requests_ended", "requests_ended_total", outcome="NOT_FOUND") == 1
    assert value(found, "commands_sent", "commands_sent_total", floodlight="fl-1") == 3
    assert value(found, "errors", "errors_total", type="NOT_FOUND") == 1
    took = "answer_duration_seconds"
    assert value(found, took, f"{took}_count", floodlight="fl-1") == 3
    assert 0 < value(found, took, f"{took}_sum", floodlight="fl-1") < 60
    assert value(found, took, f"{took}_bucket", floodlight="fl-1", le="+Inf") == 3
    assert value(found, "floodlight_up", floodlight="fl-1") == 1
    assert value(found, "switches_entries") == 1
    assert value(found, "ready") == 1
    assert value(found, "shards") == value(found, "shards_configured") == 4
    assert value(found, "takeovers", "takeovers_total") >= 4
    assert value(found, "batch_records", "batch_records_count") > 0
    assert "process_cpu_seconds" in found


@broker
def test_the_lag_of_inbound_topics_is_told(worker: Worker) -> None:
    """As soon as the brokers were asked for the ends of their partitions."""
    until(
        lambda: {each.labels["topic"] for each in families(worker)["flrouter_lag_records"].samples},
        lambda topics: any(topic.endswith(".speaker") for topic in topics),
    )


@broker
def test_every_metric_names_its_router(deployment: Deployment, worker: Worker) -> None:
    """One Prometheus may watch several."""
    told = {
        sample.labels.get("app_id")
        for family in families(worker).values()
        if family.name.startswith("flrouter_")
        for sample in family.samples
    }
    assert told == {deployment.name}


@broker
def test_what_alerts_wait_for_is_there_before_it_happens(
    deployment: Deployment, worker: Worker
) -> None:
    """Prometheus sees no increase in a series that begins with its first count."""
    found = families(worker)
    for name in re.findall(r"increase\(flrouter_(\w+)_total", (DOCS / "alerts.yml").read_text()):
        assert found[f"flrouter_{name}"].samples, name
    read = (deployment.inbound, f"{deployment.name}-shards", deployment.write_topic("fl-1"))
    for topic in read:
        assert value(found, "dead_letters", "dead_letters_total", topic=topic) == 0


@broker
def test_the_page_on_metrics_has_them_all(worker: Worker) -> None:
    """And none that there is not."""
    page = (DOCS / "metrics.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram)", page, re.MULTILINE))
    found = {}
    for family in families(worker).values():
        if family.name.startswith("flrouter_"):
            name = family.name.removeprefix("flrouter_")
            found[f"{name}_total" if family.type == "counter" else name] = family.type
    assert told == found


@broker
def test_the_names_are_as_prometheus_wants_them(worker: Worker) -> None:
    """What `promtool` looks for, where it is not there: units, endings, one sample of each."""
    for family in families(worker).values():
        assert re.fullmatch(r"[a-z][a-z0-9_]*[a-z0-9]", family.name)
        assert family.documentation
        assert not re.search(r"_(ms|milliseconds|minutes|kilobytes)(_|$)", family.name)
        assert not re.search(r"_(counter|gauge|histogram|metric)$", family.name)
        if family.type != "counter":
            assert not family.name.endswith("_total")
        keys = [(each.name, *sorted(each.labels.items())) for each in family.samples]
        assert len(keys) == len(set(keys))


@broker
def test_promtool_finds_nothing(worker: Worker) -> None:
    """`promtool check metrics` is content."""
    promtool = require(PROMTOOL)
    page = ask(worker, "/metrics").body
    # Those of prometheus_client itself are not ours to name.
    own = b"\n".join(
        line for line in page.splitlines() if re.match(rb"(# (HELP|TYPE) )?flrouter_", line)
    )
    assert own.count(b"# TYPE") > 40
    done = subprocess.run(
        [promtool, "check", "metrics"], input=own + b"\n", capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_promtool_takes_the_alerts() -> None:
    """`docs/alerts.yml` has rules that Prometheus can load."""
    promtool = require(PROMTOOL)
    done = subprocess.run(
        [promtool, "check", "rules", str(DOCS / "alerts.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alerts_are_told_of() -> None:
    """On the page, each, and of metrics that are on it too."""
    page, rules = (DOCS / "metrics.md").read_text("utf-8"), (DOCS / "alerts.yml").read_text("utf-8")
    alerts = re.findall(r"alert: (\w+)", rules)
    assert re.findall(r"^\| ([A-Z]\w+) \|", page, re.MULTILINE) == alerts
    for name in re.findall(r"flrouter_(\w+)", rules):
        assert f"| `{name.removesuffix('_bucket')}` |" in page


@broker
def test_openmetrics_for_who_asks(worker: Worker) -> None:
    """In the form that Prometheus prefers."""
    answer = ask(worker, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    found = list(openmetrics.text_string_to_metric_families(answer.body.decode()))
    assert "flrouter_requests_ended" in {family.name for family in found}


@broker
def test_a_worker_that_keeps_shards_stays_ready(deployment: Deployment) -> None:
    """While others of its shards go to a worker that joins, which is ready when it has them."""
    worker = deployment.workers[0]
    other = deployment.start_worker(wait=False)
    end = time.monotonic() + 40 * HOPE
    while not other.readiness:
        for path in ("/readyz", "/healthz"):
            answer = ask(worker, path)
            assert (answer.status, answer.body) == (200, b"ok\n")
        assert time.monotonic() < end
        time.sleep(0.05)
    assert ask(other, "/readyz").status == 200
    metrics = families(other)
    assert value(metrics, "restored_records", "restored_records_total") > 0
    assert value(metrics, "restore_left_records") == 0
    assert value(metrics, "shards") + value(families(worker), "shards") == 4


@broker
def test_workers_and_the_command_line_ask_over_tls(deployment: Deployment, worker: Worker) -> None:
    """They believe whom they are told to, and nobody else; plain HTTP has no answer."""
    if len(deployment.workers) == 1:  # the test before started another one, where it ran
        deployment.start_worker()
    until(
        lambda: ask(worker, "/api/v1/workers").json["items"],
        lambda rows: len(rows) == 2 and all(row["answering"] for row in rows),
    )
    url = f"https://127.0.0.1:{worker.web_port}"
    [row], _ = Router(Settings(worker_url=url, web_cafile=worker.web_cafile)).rows("switches")
    assert row["id"] == SWITCH
    with pytest.raises(Failure, match="CERTIFICATE_VERIFY_FAILED"):
        Router(Settings(worker_url=url)).rows("switches")
    with pytest.raises(Failure, match="no worker answers"):
        Router(Settings(worker_url=url.replace("https", "http"))).rows("switches")


@broker
def test_a_worker_whose_kafka_is_away_is_healthy_and_not_ready(work_folder: Path) -> None:
    """A new process could do nothing either; and it says what it waits for."""
    port = embedded.free_port()
    kafka = embedded.start(port)
    url = f"tansu://127.0.0.1:{port}"
    try:
        with Deployment(url, work_folder, floodlights=[]) as deployment:
            deployment.create_topics()
            worker = deployment.start_worker()
            until(lambda: ask(worker, "/readyz"), lambda found: found.status == 200)
            kafka.send_signal(signal.SIGSTOP)
            answer = until(lambda: ask(worker, "/readyz"), lambda found: found.status == 503)
            assert b"cannot connect to the broker" in answer.body
            assert ask(worker, "/healthz").status == 200
            assert value(families(worker), "ready") == 0
            kafka.send_signal(signal.SIGCONT)
            until(lambda: ask(worker, "/readyz"), lambda found: found.status == 200, timeout=40)
    finally:
        kafka.kill()
        kafka.wait(10)
