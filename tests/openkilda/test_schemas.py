"""The schemas: they take what OpenKilda's classes take, and find every field that these refuse."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.openkilda import examples
from tests.openkilda.schemas import VERSIONS, faults

SAMPLES = Path(__file__).parents[1] / "samples"

#: the versions that read each sample of the protocol's, found by running OpenKilda's own classes.
READ_BY = {
    "01-install-ingress-none-flow": "2018 2019a 2019",
    "05-install-egress-none-flow": "2018 2019a 2019",
    "09-install-transit-flow": "2018 2019a 2019",
    "14-default-flows-command": "",
    "17-isl-info-legacy": "2018",
    "26-switch-info-activated": "",
    "28-isl-info-two-switch": "2018",
    "32-dump-rules-with-reply-to": "2018",
    "33-remove-flow": "2018",
    "34-batch-install": "2018",
    "35-error-not-found": "2018 2019a 2019 HEAD",
    "36-chunked-legacy-first": "",
    "37-chunked-legacy-end": "",
    "D01-alive-request": "2019a 2019 HEAD",
    "D02-alive-response-ok": "2019a 2019 HEAD",
    "D03-alive-response-write-errors": "2019a 2019 HEAD",
    "D04-network-command-v2018": "2018 2019a 2019 HEAD",
    "D05-network-dump-chunk-0-of-2": "2019a",
    "D06-network-dump-chunk-1-of-2": "2019a",
    "D07-network-dump-begin-2018": "2018 2019a 2019 HEAD",
    "D08-network-dump-switch-2018": "2018",
    "D09-network-dump-port-2018": "2018",
    "D10-network-dump-end-2018": "2018 2019a 2019 HEAD",
    "D13-flow-command-error": "2019a 2019",
    "D15-ports-command-broadcast": "2018 2019a 2019 HEAD",
    "D17-port-info-up": "2019a 2019 HEAD",
    "D18-switch-info-activated": "2019a",
}
#: Jackson takes a number in quotes for an `int`; the schemas want what a class writes itself.
QUOTED_NUMBERS = {("17-isl-info-legacy", "2018"), ("28-isl-info-two-switch", "2018")}

MESSAGES = [
    pytest.param(version, message, id=f"{version}-{name}")
    for version in VERSIONS
    for name, message in examples.messages(version)
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("sample", READ_BY)
def test_a_sample_is_taken_by_the_versions_that_read_it(version: str, sample: str) -> None:
    """As OpenKilda's own classes did: of the 27, 2018 reads 15, 2019a 16, 2019 13 and HEAD 9."""
    found = faults(version, json.loads((SAMPLES / f"{sample}.json").read_text("utf-8")))
    if (sample, version) in QUOTED_NUMBERS:
        assert found
        assert all("seq_id" in fault for fault in found)
    else:
        assert (not found) == (version in READ_BY[sample].split()), found


@pytest.mark.parametrize(("version", "message"), MESSAGES)
def test_a_message_with_all_its_fields_is_taken(version: str, message: dict[str, Any]) -> None:
    """Of every class of every version, in its envelope."""
    assert faults(version, message) == []


@pytest.mark.parametrize(("version", "message"), MESSAGES)
def test_a_wrong_field_is_found_wherever_it_stands(version: str, message: dict[str, Any]) -> None:
    """One that no class has, a value of a wrong type, a class that is none: each is refused."""
    for spoilt, where in _spoilt(message):
        assert faults(version, spoilt), where


def _spoilt(message: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """The message with one thing wrong, again and again, and what is wrong."""
    for path, value in _objects(message):
        where = "/".join(map(str, path)) or "the message"
        takes_all = str(value.get("clazz", "")).endswith(".IslInfoData")
        if value and not takes_all:
            yield _with(message, path, {**value, "planted": 1}), f"{where}: a field too many"
        if "clazz" in value:
            yield _with(message, path, {**value, "clazz": "org.x.Y"}), f"{where}: no such class"
            without = {name: each for name, each in value.items() if name != "clazz"}
            yield _with(message, path, without), f"{where}: no class"
        for name, each in value.items():
            if each != {}:  # any value will do
                wrong = 3 if isinstance(each, str | list | dict | bool) else "three"
                yield _with(message, path, {**value, name: wrong}), f"{where}/{name}: a wrong type"


def _objects(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """All objects in a value, with the way to each."""
    if isinstance(value, dict):
        yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in inner:
        if isinstance(each, dict | list):
            yield from _objects(each, (*path, name))


def _with(message: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of the message with another value at the end of the path."""
    if not path:
        return value
    spoilt = copy.deepcopy(message)
    inner = spoilt
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return spoilt
