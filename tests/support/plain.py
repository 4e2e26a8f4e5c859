"""A requester and an FL as strangers would write them: by docs/protocol.md and librdkafka.

They share no code with flrouter, so that a misreading there cannot hide behind the same one here.
"""

from __future__ import annotations

import heapq
import itertools
import json
import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.support.clients import Reading, Record, Writer

O = "org.openkilda.messaging"  # noqa: E741 - as in protocol.md, 1.2

COMMAND = f"{O}.command.CommandMessage"
COMMAND_WITH_REPLY = f"{O}.command.CommandWithReplyToMessage"
INFO = f"{O}.info.InfoMessage"
CHUNK = f"{O}.info.ChunkedInfoMessage"
ERROR = f"{O}.error.ErrorMessage"
INSTALL = f"{O}.command.flow.InstallTransitFlow"
DUMP = f"{O}.command.switches.DumpRulesRequest"


def now_ms() -> int:
    """Milliseconds since the epoch."""
    return int(time.time() * 1000)


def switch_id(number: int) -> str:
    """The canonical id of switch `number`."""
    digits = f"{number:016x}"
    return ":".join(digits[at : at + 2] for at in range(0, 16, 2))


def canonical(text: object) -> str | None:
    """The canonical form of a switch id in any of its forms; None when it is none."""
    if not isinstance(text, str):
        return None
    try:
        if ":" in text:
            digits = "".join(byte.zfill(2) for byte in text.split(":"))
            return switch_id(int(digits, 16))
        return switch_id(int(text, 16))
    except ValueError:
        return None


def command(
    payload: dict[str, Any], correlation_id: str | None, reply_to: str | None = None, **more: Any
) -> bytes:
    """A command; without `correlation_id` it has no such field."""
    message: dict[str, Any] = {
        "clazz": COMMAND if reply_to is None else COMMAND_WITH_REPLY,
        "timestamp": now_ms(),
        "destination": "CONTROLLER",
        "payload": payload,
    }
    if correlation_id is not None:
        message["correlation_id"] = correlation_id
    if reply_to is not None:
        message["reply_to"] = reply_to
    return json.dumps(message | more).encode()


def members(message: bytes) -> dict[str, str]:
    """The top-level members of a JSON object, each value as the very text that stands there."""
    text = message.decode()
    decoder = json.JSONDecoder()
    blank = " \t\r\n"

    def skip(at: int) -> int:
        while text[at] in blank:
            at += 1
        return at

    found: dict[str, str] = {}
    at = skip(0)
    if text[at] != "{":
        raise ValueError("not a JSON object")
    at = skip(at + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = skip(skip(at) + 1)
        _, end = decoder.raw_decode(text, start)
        found[key] = text[start:end]
        at = skip(end)
        if text[at] == ",":
            at = skip(at + 1)
    return found


@dataclass(frozen=True)
class Request:
    """A command as an FL got it."""

    record: Record
    correlation_id: str
    kind: str
    switch: str | None

    @property
    def payload(self) -> dict[str, Any]:
        """The command's payload."""
        return self.record.payload

    @property
    def serial(self) -> Any:
        """The payload's `serial`, by which tests know their own commands."""
        return self.payload.get("serial")


# What an FL says to a command: functions that build the messages of one answer.

Answer = Callable[[Request], Sequence[bytes]]


def nothing(request: Request) -> Sequence[bytes]:
    """No answer."""
    return ()


def echo(request: Request) -> Sequence[bytes]:
    """The command itself, sent back: the success answer to a flow command."""
    return (request.record.value or b"",)


def raw(template: str) -> Answer:
    """A message written out, with the id that the FL was given in place of `<id>`."""
    return lambda request: (template.replace("<id>", request.correlation_id).encode(),)


def info(payload: str = '{"clazz":"test.Done"}') -> Answer:
    """An `InfoMessage` around a payload written out; `<id>` as in `raw`."""
    return raw(
        f'{{"clazz":"{INFO}","timestamp":{now_ms()},"correlation_id":"<id>",'
        f'"destination":null,"payload":{payload},"region":"1"}}'
    )


#: a plain success.
DONE = info()


def error(kind: str) -> Answer:
    """The FL's own error."""
    return raw(
        f'{{"clazz":"{ERROR}","timestamp":{now_ms()},"correlation_id":"<id>","payload":'
        f'{{"clazz":"{O}.error.ErrorData","error-type":"{kind}","error-message":"said the FL",'
        '"error-description":"a \\u00e9rror"}}'
    )


def new_chain(total: int, order: Sequence[int] | None = None, payload: str = "") -> Answer:
    """A chain whose links share an id; `order` leaves links out, repeats or turns them round."""

    def build(request: Request) -> Sequence[bytes]:
        name = request.correlation_id
        if total == 0:
            return (_new_link(name, "null", 0, 0),)
        links = order if order is not None else range(total)
        shown = payload.replace("<id>", name)
        return [
            _new_link(name, f'{{"clazz":"test.Part", "part":{at}.0{shown}}}', at, total)
            for at in links
        ]

    return build


def _new_link(name: str, payload: str, index: int, total: int) -> bytes:
    return (
        f'{{"clazz":"{CHUNK}","timestamp":{now_ms()},"correlation_id":"{name}","payload":{payload},'
        f'"region":"1","message_id":"{index} : {name}","total_messages":{total}}}'
    ).encode()


def old_chain(total: int, sent: int | None = None, end: str = "null") -> Answer:
    """A chain whose links name the next one's id, of which only the first `sent` are written."""

    def build(request: Request) -> Sequence[bytes]:
        names = [request.correlation_id, *(str(uuid.uuid4()) for _ in range(total - 1))]
        following = [*(f'"{name}"' for name in names[1:]), end]
        return [
            (
                f'{{"payload":{{"clazz":"test.Part", "part":{at}e0}},"clazz":"{CHUNK}",'
                f'"timestamp":{now_ms()},"correlation_id":"{names[at]}",'
                f'"next_request_id":{following[at]}}}'
            ).encode()
            for at in range(total if sent is None else sent)
        ]

    return build


@dataclass(frozen=True)
class Behaviour:
    """How an FL treats a command."""

    answer: Answer = DONE
    ack: bool = True
    #: seconds before the first message of the answer, and between its messages.
    after: float = 0.0
    gap: float = 0.0
    #: how often the answer is sent.
    copies: int = 1
    #: keep the answer back until `release`.
    hold: bool = False
    #: the write topic's partition, when the test wants a certain one.
    partition: int | None = None


@dataclass(order=True)
class _Due:
    at: float
    number: int
    write: Callable[[], None] = field(compare=False)


class Floodlight(Reading):
    """An FL that does what its script says.

    Keyed, it writes with the switch id (else the correlation id) as key; scattered, with null
    keys to random partitions.
    """

    def __init__(
        self,
        bootstrap: str,
        name: str,
        read_topic: str,
        write_topic: str,
        *,
        switches: Iterable[str] = (),
        scattered: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(bootstrap, [read_topic])
        self.name = name
        self.write_topic = write_topic
        self.switches = set(switches)
        self.scattered = scattered
        self.default = Behaviour()
        #: by switch id; None is for commands that name no switch.
        self.script: dict[str | None, Behaviour] = {}
        #: answers to AliveRequests; a mute FL says nothing at all.
        self.alive = True
        self.mute = False
        self.failed_messages = 0
        #: how it answers SyncRequests.
        self.sync: Callable[[Request, Sequence[str]], Sequence[bytes]] = sync_chain
        self.received: list[Request] = []
        self.sync_requests: list[Request] = []
        #: everything written for a request, acks aside, by the id that the FL was given.
        self.written: defaultdict[str, list[bytes]] = defaultdict(list)
        self._random = random.Random(f"{seed} {name}")
        self._due: list[_Due] = []
        self._held: list[tuple[Request, Behaviour]] = []
        self._numbers = itertools.count()
        self._producer = Writer(bootstrap)
        self._partitions = sorted(self._producer.partitions_for(write_topic))

    def close(self) -> None:
        """Stop for good."""
        try:
            self.stop()
        finally:
            self._producer.close()

    def kill(self) -> None:
        """Die: answers not yet written are lost, commands are read on from here at `start`."""
        self.stop()
        self._due.clear()
        self._held.clear()

    # what tests ask for

    def request(self, serial: Any, count: int = 1, timeout: float = 10.0) -> Request:
        """The `count`-th command with this serial, when it has come."""
        return self.until(
            lambda: [one for one in self.received if one.serial == serial][count - 1 : count],
            timeout,
            f"{self.name} to be given command {serial}",
        )[0]

    def event(self, switch: str, state: str, **more: Any) -> None:
        """Report a switch event, and hold the switch accordingly."""
        if state in ("ACTIVATED", "ADDED"):
            self.switches.add(switch)
        elif state in ("DEACTIVATED", "REMOVED"):
            self.switches.discard(switch)
        self.write(switch_event(switch, state, **more), switch)

    def release(self) -> None:
        """Send what was kept back."""
        with self._changed:  # a record that is being taken is held back as well
            held, self._held = self._held, []
        for request, behaviour in held:
            for message in behaviour.answer(request):
                self._answer(request, message, behaviour.partition)
        self._producer.flush(60)

    def write(self, value: bytes, key: str | None, partition: int | None = None) -> None:
        """Write one message, keyed or scattered."""
        if partition is None and self.scattered:
            partition = self._random.choice(self._partitions)
        if partition is not None:
            self._producer.send(self.write_topic, value=value, partition=partition)
        else:
            name = key.encode() if key is not None else None
            self._producer.send(self.write_topic, value=value, key=name)

    # its own thread

    def on_record(self, record: Record) -> None:
        """Answer one message of the read topic, or plan to."""
        if self.mute:
            return
        kind = str(record.payload.get("clazz", "")).rpartition(".")[2]
        name = str(record.message.get("correlation_id"))
        request = Request(record, name, kind, canonical(record.payload.get("switch_id")))
        if kind == "AliveRequest":
            if self.alive:
                self._say_alive(request)
        elif kind == "NetworkCommandData":
            self.sync_requests.append(request)
            self._ack(request)
            for message in self.sync(request, sorted(self.switches)):
                self._answer(request, message)
        else:
            self.received.append(request)
            self._obey(request)

    def on_turn(self) -> float:
        """Write what is due."""
        while self._due and self._due[0].at <= time.monotonic():
            heapq.heappop(self._due).write()
        if not self._due:
            return 0.05
        return min(0.05, max(0.0, self._due[0].at - time.monotonic()))

    def _obey(self, request: Request) -> None:
        behaviour = self.script.get(request.switch, self.default)
        if behaviour.ack:
            self._ack(request)
        if behaviour.hold:
            self._held.append((request, behaviour))
            return
        at = time.monotonic() + behaviour.after
        for _ in range(behaviour.copies):
            for message in behaviour.answer(request):
                self._at(at, request, message, behaviour.partition)
                at += behaviour.gap

    def _at(self, at: float, request: Request, message: bytes, partition: int | None) -> None:
        if at <= time.monotonic():
            self._answer(request, message, partition)
            return

        def write() -> None:
            self._answer(request, message, partition)

        heapq.heappush(self._due, _Due(at, next(self._numbers), write))

    def _answer(self, request: Request, message: bytes, partition: int | None = None) -> None:
        self.written[request.correlation_id].append(message)
        self.write(message, request.switch or request.correlation_id, partition)

    def _ack(self, request: Request) -> None:
        ack = _info({"clazz": f"{O}.info.FlReceiveAck"}, request.correlation_id)
        self.write(ack, request.switch or request.correlation_id)

    def _say_alive(self, request: Request) -> None:
        payload = {
            "clazz": f"{O}.AliveResponse",
            "timestamp": now_ms(),
            "region": self.name,
            "failed_messages": self.failed_messages,
        }
        self.failed_messages = 0
        self.write(_info(payload, request.correlation_id), request.correlation_id)


def _info(payload: dict[str, Any], correlation_id: str) -> bytes:
    message = {
        "clazz": INFO,
        "timestamp": now_ms(),
        "correlation_id": correlation_id,
        "payload": payload,
    }
    return json.dumps(message).encode()


def switch_event(switch: str, state: str, **more: Any) -> bytes:
    """What an FL writes when something happens to a switch."""
    clazz = f"{O}.info.event.SwitchInfoData"
    payload = {"clazz": clazz, "switch_id": switch, "state": state}
    return _info(payload | more, str(uuid.uuid4()))


def sync_chain(request: Request, switches: Sequence[str]) -> Sequence[bytes]:
    """The chain that answers a SyncRequest: one link per switch, or the empty chain."""
    clazz = f"{O}.info.discovery.NetworkDumpSwitchData"
    ports = '[{"number":1,"state":"UP"},{"number":2,"state":"DOWN"}]'
    if not switches:
        return (_new_link(request.correlation_id, "null", 0, 0),)
    return [
        _new_link(
            request.correlation_id,
            f'{{"clazz":"{clazz}","switch_record":{{"datapath":"{one}","ports":{ports}}}}}',
            at,
            len(switches),
        )
        for at, one in enumerate(switches)
    ]


@dataclass(frozen=True)
class Sent:
    """Where a requester's record lies."""

    topic: str
    partition: int
    offset: int
    #: by time.monotonic(), before it was sent.
    at: float

    @property
    def place(self) -> str:
        """`<topic>/<partition>/<offset>`, as the router names a request."""
        return f"{self.topic}/{self.partition}/{self.offset}"


class Requester(Reading):
    """Sends commands and keeps every answer that comes to the requesters' topics."""

    def __init__(
        self,
        bootstrap: str,
        inbound: str,
        topics: Iterable[str],
        *,
        scattered: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(bootstrap, topics)
        self.inbound = inbound
        self.answers: list[Record] = []
        #: the answers by their correlation id.
        self.by_id: defaultdict[str, list[Record]] = defaultdict(list)
        self._random = random.Random(f"{seed} requester")
        self._scattered = scattered
        self._producer = Writer(bootstrap)
        self.partitions = sorted(self._producer.partitions_for(inbound))

    def close(self) -> None:
        """Stop for good."""
        try:
            self.stop()
        finally:
            self._producer.close()

    def post(
        self,
        value: bytes,
        key: str | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Any:
        """Send a record without waiting for it; a future tells where it lies."""
        if partition is None and (self._scattered or key is None):
            partition = self._random.choice(self.partitions)
        name = key.encode() if key is not None and not self._scattered else None
        return self._producer.send(
            self.inbound, value=value, key=name, partition=partition, headers=list(headers)
        )

    def send(
        self,
        value: bytes,
        key: str | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> Sent:
        """Send a record and wait until it lies in the inbound topic."""
        at = time.monotonic()
        where = self.post(value, key, partition, headers).get(timeout=30)
        return Sent(where.topic, where.partition, where.offset, at)

    def flush(self) -> None:
        """Wait until everything posted lies in the inbound topic."""
        self._producer.flush(60)

    def on_record(self, record: Record) -> None:
        """Keep an answer."""
        self.answers.append(record)
        self.by_id[str(record.message.get("correlation_id"))].append(record)

    def forget(self) -> None:
        """Drop the answers that came so far."""
        with self._changed:
            self.answers.clear()
            self.by_id.clear()

    def answers_to(self, correlation_id: str) -> list[Record]:
        """What has come under this id so far."""
        with self._changed:
            return list(self.by_id.get(correlation_id, ()))

    def wait(self, correlation_id: str, count: int = 1, timeout: float = 10.0) -> list[Record]:
        """What came under this id, as soon as there are `count` records."""
        self.until(
            lambda: len(self.by_id.get(correlation_id, ())) >= count,
            timeout,
            f"{count} answers to {correlation_id}",
        )
        return self.answers_to(correlation_id)

    def wait_where(
        self, wanted: Callable[[Record], Any], count: int = 1, timeout: float = 10.0
    ) -> list[Record]:
        """The answers for which `wanted` is true, as soon as there are `count` of them."""
        return self.until(
            lambda: (
                found if len(found := [a for a in self.answers if wanted(a)]) >= count else None
            ),
            timeout,
            f"{count} answers that the test describes",
        )

    def wait_refusal(self, sent: Sent, timeout: float = 10.0) -> Record:
        """The router's own error answer to the command that lies at `sent`."""
        return self.wait_where(lambda answer: made_for(answer) == sent.place, timeout=timeout)[0]

    def wait_old_chain(self, correlation_id: str, timeout: float = 10.0) -> list[Record]:
        """The links of an old chain from the one with this id to its end, in the chain's order."""

        def links() -> list[Record] | None:
            found: list[Record] = []
            following: Any = correlation_id
            while isinstance(following, str) and following.strip():
                records = self.by_id.get(following)
                if not records:
                    return None
                found.append(records[0])
                following = records[0].message.get("next_request_id")
            return found

        return self.until(links, timeout, f"the old chain that starts with {correlation_id}")


def made_for(answer: Record) -> str | None:
    """Which command the router made this error for; None for what an FL said."""
    header = answer.headers.get("flrouter-request")
    return header.decode() if header is not None else None


def error_type(answer: Record) -> str | None:
    """The `error-type` of an ErrorMessage; None for any other message."""
    if answer.message.get("clazz") != ERROR:
        return None
    return str(answer.payload.get("error-type"))


class Once:
    """Hands out names that no other test uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._switch = 0x1000

    def switch(self) -> str:
        """A switch id nobody used."""
        with self._lock:
            self._switch += 1
            return switch_id(self._switch)

    def id(self) -> str:
        """A correlation id nobody used."""
        return f"test-{uuid.uuid4()}"
