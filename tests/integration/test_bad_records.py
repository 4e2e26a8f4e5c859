"""Every sample message and thousands of spoilt ones, to an inbound topic and to a write topic.

The damage comes from a seed, which is printed; FLROUTER_TEST_SEED sets another one.
"""

from __future__ import annotations

import json
import os
import random
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Record, Writer
from tests.support.damage import Verdict, judge, read, readable, spoil
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE
from tests.support.plain import (
    INFO,
    INSTALL,
    Behaviour,
    Floodlight,
    Request,
    Requester,
    command,
    error_type,
    made_for,
    switch_id,
)

pytestmark = pytest.mark.broker

SAMPLES = Path(__file__).parents[1] / "samples"
SEED = os.environ.get("FLROUTER_TEST_SEED", "4711")
VARIANTS = 1000
LIMIT = 20_000
BAD = {"REQUEST_INVALID", "DATA_INVALID"}
SYNC = "NetworkCommandData"


@dataclass(frozen=True)
class Variant:
    """A record that a test sent, with where it lies."""

    file: str
    value: bytes
    place: str

    @property
    def message(self) -> dict[str, Any]:
        """It as JSON; empty when it is no JSON object."""
        try:
            found = read(self.value)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def __repr__(self) -> str:
        shown = self.value if len(self.value) < 1500 else self.value[:200] + b"..."
        return f"{self.file} at {self.place}, {len(self.value)} bytes: {shown!r}"


def named(sample: bytes, reply_topic: str) -> bytes:
    """A sample with an id and a serial that no other has, and a `reply_to` that exists."""
    message = json.loads(sample)
    message["correlation_id"] = uuid.UUID(int=random.getrandbits(128)).hex
    if isinstance(message["payload"], dict):
        message["payload"]["serial"] = message["correlation_id"]
    if "reply_to" in message:
        message["reply_to"] = reply_topic
    return json.dumps(message, indent=random.choice((None, 1))).encode()


def all_values(chance: random.Random, reply_topic: str) -> list[tuple[str, bytes]]:
    """(file, record) for each sample as it is, and for each of its spoilt variants, shuffled."""
    found = []
    for path in sorted(SAMPLES.glob("*.json")):
        sample = path.read_bytes()
        found.append((path.name, sample))
        found += [
            (path.name, spoil(named(sample, reply_topic), chance, LIMIT)) for _ in range(VARIANTS)
        ]
    chance.shuffle(found)
    return found


def answer_with_serial(request: Request) -> list[bytes]:
    """An answer by which the command is known even when its id was spoilt."""
    return [
        json.dumps(
            {
                "clazz": INFO,
                "timestamp": 1,
                "correlation_id": request.correlation_id,
                "payload": {"clazz": "test.Done", "serial": request.serial},
            }
        ).encode()
    ]


class Field:
    """A router whose FL holds the switches of the samples."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.reply_topic = deployment.topic("reply")
        deployment.create_topics(self.reply_topic)
        known = [switch_id(number) for number in (1, 2, 9, 0x77)]
        self.fl: Floodlight = deployment.floodlight("fl-1", switches=known)
        self.fl.default = Behaviour(answer_with_serial)
        self.requester: Requester = deployment.requester(self.reply_topic)
        self.dead = deployment.tap(deployment.dead_letters)
        self.workers = [deployment.start_worker(wait=False) for _ in range(2)]
        for worker in self.workers:
            worker.wait_ready()
        self.wait_good()

    def wait_good(self, timeout: float = 60.0) -> None:
        """Ask until a good command is answered by the FL: some records mean an outage."""
        until = time.monotonic() + timeout
        while True:
            name = f"good {uuid.uuid4()}"
            switch = switch_id(0x77)
            self.requester.send(command({"clazz": INSTALL, "switch_id": switch}, name), switch)
            answer = self.requester.wait(name, timeout=30)[0]
            if error_type(answer) is None:
                return
            assert time.monotonic() < until, f"no good answer within {timeout} s: {answer.message}"

    def send_all(self, topic: str, values: list[tuple[str, bytes]]) -> list[Variant]:
        """Send the records to random partitions; returns them with their places."""
        sender = Writer(self.deployment.bootstrap)
        try:
            futures = [
                sender.send(topic, value=value, partition=random.randrange(4))
                for _, value in values
            ]
            places = [future.get(60) for future in futures]
        finally:
            sender.close()
        return [
            Variant(file, value, f"{where.topic}/{where.partition}/{where.offset}")
            for (file, value), where in zip(values, places, strict=True)
        ]

    def dead_by_place(self) -> dict[str, Record]:
        """The dead letters so far, by where their records were read; checks each of them."""
        found: dict[str, Record] = {}
        for record in list(self.dead.records):
            place = "/".join(
                record.headers[f"flrouter-{part}"].decode()
                for part in ("topic", "partition", "offset")
            )
            assert record.headers["flrouter-reason"].decode().strip(), place
            assert place not in found, f"{place} was dead-lettered twice"
            found[place] = record
        return found

    def wait_dead(self, wanted: set[str], timeout: float = 60.0) -> dict[str, Record]:
        """The dead letters, when all of these places are among them."""
        until = time.monotonic() + timeout
        while not wanted <= (found := self.dead_by_place()).keys():
            if time.monotonic() > until:
                break
            time.sleep(0.2)
        return found


@pytest.fixture
def field(broker_url: str, work_folder: Path) -> Iterator[Field]:
    """Two workers."""
    random.seed(SEED)
    print(f"FLROUTER_TEST_SEED={SEED}")  # noqa: T201 (pytest shows it when a test fails)
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1"],
        ack_timeout=20 * PATIENCE,
        response_timeout=30 * PATIENCE,
        alive_timeout=10 * PATIENCE,
        max_message_bytes=LIMIT,
    ) as deployment:
        yield Field(deployment)


class Answers:
    """The answers that came, by all that tells whose they are."""

    def __init__(self, requester: Requester) -> None:
        self.refusals: defaultdict[str, list[Record]] = defaultdict(list)
        self.ids: Counter[str] = Counter()
        self.serials: Counter[str] = Counter()
        for answer in list(requester.answers):
            place = made_for(answer)
            if place is not None and not place.startswith("sync/"):  # of one FL, for many requests
                self.refusals[place].append(answer)
            self.ids[str(answer.message.get("correlation_id"))] += 1
            self.serials[str(answer.payload.get("serial"))] += 1

    def to(self, variant: Variant) -> bool:
        """Whether this command was answered, as far as that can be told."""
        if variant.place in self.refusals:
            return True
        message = variant.message
        payload = message.get("payload")
        kind = str(payload.get("clazz")) if isinstance(payload, dict) else ""
        if kind.endswith(SYNC):
            return True  # its chain may be that of a sync that ran already
        name = message.get("correlation_id")
        serial = payload.get("serial") if isinstance(payload, dict) else None
        return self.ids[str(name)] > 0 or (
            (not isinstance(name, str) or not name.strip()) and self.serials[str(serial)] > 0
        )


def wrong_with(
    one: Variant, verdict: Verdict, error: str | None, dead: Record | None, must_be_kept: bool
) -> Iterator[str]:
    """What became of an inbound record that should not have."""
    if must_be_kept and dead is None:
        yield "not dead-lettered"
    if dead is not None and not (
        one.value.startswith(dead.value or b"") and bool(one.value) == bool(dead.value)
    ):
        yield "not kept as it was"
    if verdict is Verdict.UNREADABLE and error not in BAD:
        yield f"answered with {error}"
    if verdict is Verdict.OTHER and error is not None:
        yield f"{error} for what is no command"
    if verdict is Verdict.COMMAND and dead is not None and error is None:
        yield "a command that was kept, but not answered"
    if verdict is Verdict.COMMAND and len(one.value) > LIMIT and error not in BAD:
        yield f"{error} for a command over the limit"


def test_spoilt_inbound_records(field: Field) -> None:
    """Each command is answered, each bad record is kept with its reason, and no worker stops."""
    values = all_values(random.Random(SEED), field.reply_topic)
    variants = field.send_all(field.deployment.inbound, values)
    verdicts = {one.place: judge(one.value) for one in variants}
    by_verdict = {
        verdict: [one for one in variants if verdicts[one.place] is verdict] for verdict in Verdict
    }
    assert all(by_verdict.values()), "the damage is of all sorts"

    until = time.monotonic() + 120
    while True:
        answers = Answers(field.requester)
        unanswered = [
            *(one for one in by_verdict[Verdict.COMMAND] if not answers.to(one)),
            *(one for one in by_verdict[Verdict.UNREADABLE] if one.place not in answers.refusals),
        ]
        if not unanswered or time.monotonic() > until:
            break
        time.sleep(0.5)
    field.deployment.assert_running()
    files = Counter(one.file for one in unanswered)
    assert not files, f"{files} unanswered, as {unanswered[:5]}"

    twice = {place: found for place, found in answers.refusals.items() if len(found) > 1}
    assert not twice, f"{len(twice)} commands refused twice"
    errors = {place: error_type(found[0]) for place, found in answers.refusals.items()}
    must_be_kept = {
        *(one.place for one in variants if verdicts[one.place] is not Verdict.COMMAND),
        *(place for place, kind in errors.items() if kind in BAD),
    }
    dead = field.wait_dead(must_be_kept)
    complaints = [
        f"{complaint}: {one!r}"
        for one in variants
        for complaint in wrong_with(
            one,
            verdicts[one.place],
            errors.get(one.place),
            dead.get(one.place),
            one.place in must_be_kept,
        )
    ]
    assert not complaints, f"{len(complaints)} records: " + "\n".join(complaints[:10])
    field.wait_good()


def test_spoilt_records_on_a_write_topic(field: Field) -> None:
    """What cannot be read is kept with its reason, and the FL is served on."""
    topic = field.deployment.write_topic("fl-1")
    values = all_values(random.Random(f"write {SEED}"), field.reply_topic)
    variants = field.send_all(topic, values)
    bad = {one.place: one for one in variants if not readable(one.value)}
    dead = field.wait_dead(set(bad), 120)
    field.deployment.assert_running()
    missing = [one for place, one in bad.items() if place not in dead]
    assert not missing, f"{len(missing)} bad records not dead-lettered, as {missing[:3]}"
    for place, one in bad.items():
        assert one.value.startswith(dead[place].value or b""), f"not kept as it was: {one!r}"
    field.wait_good()
    field.deployment.assert_running()
