"""The demo's commands: real samples, spread over the switches, each under an id of its own."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from flrouter.demo.traffic.commands import ExpectedAnswer, Sample, SampleCommands, samples
from flrouter.messages.switch_id import canonical

SAMPLES = Path(__file__).parent.parent / "samples"
SWITCHES = [canonical(str(number)) for number in range(1, 9)]


def shape(value: Any) -> Any:
    """Names and types of a JSON value."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items() if name != "correlation_id"}
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value)


@pytest.mark.parametrize(
    "sample",
    [one for one in samples() if one.answer is not ExpectedAnswer.ERROR],
    ids=lambda sample: sample.sample,
)
def test_commands_look_like_the_samples_that_they_copy(sample: Sample) -> None:
    """Only the correlation id is new; everything else has the sample's form."""
    switch = None if sample.every else SWITCHES[0]
    made = json.loads(SampleCommands(SWITCHES, "x").make(sample, switch).value)
    original = json.loads((SAMPLES / f"{sample.sample}.json").read_text())
    assert shape(made) == shape(original)
    assert made["correlation_id"] == "x-1"
    assert made["payload"]["clazz"] == original["payload"]["clazz"]


def test_all_kinds_are_sent_to_all_switches() -> None:
    """In ten seconds at 200 per second every kind comes, some of them malformed, no id twice."""
    commands = SampleCommands(SWITCHES, "x")
    sent = [commands.at(number / 200) for number in range(2000)]
    assert len({command.correlation_id for command in sent}) == 2000
    assert {command.switch for command in sent} == {*SWITCHES, None}
    answers = Counter(command.answer for command in sent)
    assert answers[ExpectedAnswer.SYNC] == 2
    assert answers[ExpectedAnswer.EACH] == 10
    assert 0 < answers[ExpectedAnswer.ERROR] < 100
    for command in sent:
        assert command.value.count(command.correlation_id.encode() + b'"') == 1


def test_shares_add_up() -> None:
    """Shares are of a thousand commands."""
    assert sum(sample.share for sample in samples()) == 1000
    assert all(bool(sample.share) != bool(sample.every) for sample in samples())
