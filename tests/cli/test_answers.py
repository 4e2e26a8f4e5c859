"""Which answer belongs to which command."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from flrouter.cli.sending.answers import Answers
from flrouter.cli.sending.command_file import read
from flrouter.messages import names
from flrouter.messages.errors import ErrorType
from flrouter.messages.forms import build
from flrouter.settings.model import Settings
from tests.support.plain import INSTALL, O, command

CATALOG = Settings().message_catalog


def asked(*commands: bytes) -> Answers:
    """After these were sent, at second 1."""
    return Answers(read(b"\n".join(commands), CATALOG, 10_000), 1.0)


def install(name: str, switch: str = "9") -> bytes:
    """A command for one switch."""
    return command({"clazz": INSTALL, "switch_id": switch}, name)


def info(name: str, **payload: Any) -> bytes:
    """A message that answers it."""
    return build.message(names.INFO, {"clazz": "x.Y", **payload}, name, 0)


def old_link(name: str, part: int, following: str | None) -> bytes:
    """A link of a chain of the older form."""
    return build.message(names.CHUNK, {"part": part}, name, 0, next_request_id=following)


def outcomes(answers: Answers) -> list[str]:
    """In the order of the commands."""
    return [each.outcome for each in answers.asked]


def parts(answers: Answers, number: int = 0) -> list[Any]:
    """What the payloads of a command's answer call `part`."""
    return [json.loads(payload).get("part") for payload in answers.asked[number].payloads]


def test_by_their_ids() -> None:
    """Others' answers, and what is no message, are passed over."""
    answers = asked(install("one"), install("two"))
    answers.take(b"rubbish", None, 2.0)
    answers.take(info("three"), None, 2.0)
    answers.take(info("two", part=2), None, 3.0)
    assert outcomes(answers) == ["unanswered", "answered"]
    assert answers.asked[1].ms == 2000
    assert not answers.complete
    error = build.error("one", ErrorType.NOT_FOUND, "no FL", "holds it", 0)
    answers.take(error, None, 4.0)
    assert outcomes(answers) == ["error", "answered"]
    assert answers.complete
    answers.take(info("one", part=9), None, 5.0)
    assert parts(answers, 1) == [2], "a repetition changes nothing"
    assert outcomes(answers) == ["error", "answered"]


def test_several_commands_with_one_id() -> None:
    """One flow operation spans several switches: each answer ends the command of its switch."""
    answers = asked(install("op", "1"), install("op", "2"), install("op", "3"))
    answers.take(info("op", switch_id="00:02", part=2), None, 2.0)
    assert outcomes(answers) == ["unanswered", "answered", "unanswered"]
    answers.take(info("op"), None, 2.0)
    answers.take(info("op"), None, 2.0)
    assert answers.complete


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 0, 1)])
def test_chains(order: tuple[int, ...]) -> None:
    """One answer when all links are there, in the chain's order."""
    answers = asked(install("op"))
    for at in order:
        assert not answers.complete
        answers.take(build.chunk({"part": at}, "op", at, 3, 0), b"key", 2.0)
    assert parts(answers) == [0, 1, 2]
    assert answers.complete


def test_chains_of_the_older_form() -> None:
    """Their links have ids of their own; the first one's is the key of all."""
    answers = asked(install("op"))
    answers.take(old_link("b", 1, None), b"op", 2.0)
    answers.take(old_link("op", 0, "b"), b"op", 2.0)
    assert (outcomes(answers), parts(answers)) == (["answered"], [0, 1])


def test_an_empty_chain_and_a_broken_one() -> None:
    """The first is an answer without a payload; the second is none."""
    answers = asked(install("op"))
    bad = build.message(names.CHUNK, {"part": 1}, "op", 0, message_id="5 : op", total_messages=2)
    answers.take(bad, None, 2.0)
    assert outcomes(answers) == ["unanswered"]
    answers.take(build.chunk(msgspec.Raw(b"null"), "op", 0, 0, 0), None, 2.0)
    assert (outcomes(answers), parts(answers)) == (["answered"], [])


def test_answers_without_an_end() -> None:
    """Of a sync each FL's chain comes under an id of its own: all are kept, none is the last."""
    clazz = f"{O}.command.discovery.NetworkCommandData"
    answers = asked(command({"clazz": clazz}, "sync"))
    for floodlight in ("0.1", "0.2"):
        for at in range(2):
            link = build.chunk({"part": at}, f"sync~9ab1c22f.{floodlight}", at, 2, 0)
            answers.take(link, None, 2.0)
    assert (outcomes(answers), parts(answers)) == (["answered"], [0, 1, 0, 1])
    assert not answers.complete
