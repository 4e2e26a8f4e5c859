"""`flrouter send`: commands from a file, with and without their answers."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from flrouter.core.values.home import home
from tests.cli.command import flrouter, typed
from tests.cli.operator import FIRST, SECOND, Operator
from tests.support.clients import read_all
from tests.support.plain import (
    INSTALL,
    Behaviour,
    O,
    Once,
    command,
    new_chain,
    nothing,
    old_chain,
    switch_id,
)

pytestmark = pytest.mark.broker

once = Once()


def install(name: str | None, switch: str = FIRST) -> bytes:
    """A command for one switch."""
    return command({"clazz": INSTALL, "switch_id": switch}, name)


def file_of(folder: Path, *commands: bytes) -> str:
    """A file with these, one a line."""
    path = folder / "commands.json"
    path.write_bytes(b"\n".join(commands))
    return str(path)


def test_answers_are_waited_for(operator: Operator, tmp_path: Path) -> None:
    """In the file's order, with what the FL said."""
    name = once.id()
    path = file_of(tmp_path, install(name), install(None, SECOND))
    first, second = operator.asks("send", path, "--wait")
    assert (first["correlation_id"], first["outcome"]) == (name, "answered")
    assert first["payloads"] == [{"clazz": "test.Done"}]
    assert (second["outcome"], second["correlation_id"][:4]) == ("answered", "cli-")
    done = operator.types("send", file_of(tmp_path, install(once.id())), "--wait")
    assert done.exit_code == 0
    assert re.search(r'answered +\d+ +{"clazz":"test.Done"}', done.stdout), done.stdout


def test_an_error_is_an_answer_that_fails(operator: Operator, tmp_path: Path) -> None:
    """The others' answers are shown too."""
    path = file_of(tmp_path, install(once.id(), switch_id(99)), install(once.id()))
    failed, answered = operator.asks("send", path, "--wait", status=1)
    assert (failed["outcome"], answered["outcome"]) == ("error", "answered")
    assert failed["payloads"][0]["error-type"] == "NOT_FOUND"


@pytest.mark.parametrize("chain", [new_chain(3, order=(2, 0, 1)), old_chain(3)], ids=["new", "old"])
def test_chains_are_one_answer(operator: Operator, tmp_path: Path, chain: object) -> None:
    """All its payloads, in order."""
    operator.first.script[FIRST] = Behaviour(chain)  # type: ignore[arg-type]
    try:
        [row] = operator.asks("send", file_of(tmp_path, install(once.id())), "--wait")
    finally:
        operator.first.script.clear()
    assert [payload["part"] for payload in row["payloads"]] == [0, 1, 2]


def test_no_answer_in_time(operator: Operator, tmp_path: Path) -> None:
    """It does not wait longer than it is told."""
    operator.first.script[FIRST] = Behaviour(nothing)
    path = file_of(tmp_path, install(once.id()), install(once.id(), SECOND))
    try:
        rows = operator.asks("send", path, "--wait", "--timeout", "2", status=1)
    finally:
        operator.first.script.clear()
    assert [row["outcome"] for row in rows] == ["unanswered", "answered"]


def test_a_reply_topic_of_its_own(operator: Operator, tmp_path: Path) -> None:
    """One that is there, and one that the router refuses."""
    payload = {"clazz": INSTALL, "switch_id": FIRST}
    topics = (operator.deployment.topic("ping"), operator.deployment.inbound, "no-such-topic")
    path = file_of(tmp_path, *(command(payload, once.id(), topic) for topic in topics))
    rows = operator.asks("send", path, "--wait", status=1)
    assert [row["outcome"] for row in rows] == ["answered", "error", "error"]
    assert rows[1]["payloads"][0]["error-type"] == "PARAMETERS_INVALID"


def test_answers_that_have_no_end(operator: Operator, tmp_path: Path) -> None:
    """All that come until the time is up: of a sync, each FL's switches."""
    payload = {"clazz": f"{O}.command.discovery.NetworkCommandData"}
    path = file_of(tmp_path, command(payload, once.id()))
    [row] = operator.asks("send", path, "--wait", "--timeout", "4")
    assert row["outcome"] == "answered"
    listed = {payload["switch_record"]["datapath"] for payload in row["payloads"]}
    assert {FIRST, SECOND} <= listed


def test_without_waiting(operator: Operator, tmp_path: Path) -> None:
    """It ends when Kafka has them."""
    name = once.id()
    done = operator.types("send", file_of(tmp_path, install(name), install(once.id())))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == f"2 sent to {operator.deployment.inbound}\n"
    operator.requester.wait(name)
    assert operator.asks("send", file_of(tmp_path, install("mine"))) == [{"correlation_id": "mine"}]


def test_commands_lie_at_home(operator: Operator, tmp_path: Path) -> None:
    """Where Kafka's own clients put their switches, so that no shard has to pass them on."""
    deployment = operator.deployment
    sent = {once.id(): switch_id(number) for number in range(1, 9)}
    operator.asks("send", file_of(tmp_path, *(install(*pair) for pair in sent.items())))
    records = read_all(deployment.bootstrap, [deployment.inbound])
    placed = {record.message.get("correlation_id"): record.partition for record in records}
    for name, switch in sent.items():
        assert placed[name] == home(switch, deployment.partitions)


def test_no_router_has_run_there(operator: Operator, tmp_path: Path) -> None:
    """It makes no topic, and says which one is missing."""
    path = file_of(tmp_path, install(once.id()))
    for setting in ("inbound_topics", "flow_topic"):
        done = operator.types("send", path, "--wait", **{setting: "nobody.has.this"})
        assert done.exit_code == 1
        assert "no topic nobody.has.this" in done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("nowhere.json",), 2, "nowhere.json"),
        (("/",), 2, "directory"),
        ((), 2, "FILE"),
        (("-", "--wait", "--timeout", "0"), 2, "--timeout"),
        (("bad.json",), 2, "line 2 is not a valid command"),
        (("good.json",), 1, "FLROUTER_BROKER"),
        (("good.json", "--wait", "--json"), 1, "FLROUTER_BROKER"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be(
    arguments: tuple[str, ...],
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says so in one line, and sends nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.json").write_bytes(install("op"))
    bad = json.dumps({"clazz": "x.info.InfoMessage", "payload": {"clazz": "y"}})
    (tmp_path / "bad.json").write_bytes(install("op") + b"\n" + bad.encode())
    settings = {"broker": "kafka://127.0.0.1:9"}
    done = typed("send", *arguments, settings=settings)
    assert done.exit_code == status
    assert said in done.stderr


def test_an_empty_standard_input() -> None:
    """It is as good as any file, and has no command in it."""
    done = flrouter("send", "-")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "flrouter: <stdin>: there is no command in it\n"
