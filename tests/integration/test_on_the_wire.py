"""What strangers write, byte for byte, against one running worker.

Requester and FLs share no code with flrouter (`tests.support.plain`). The spellings and the
schedules are those in which a suite of an independent client found the router wrong.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support import api
from tests.support.clients import Record, Tap, Writer
from tests.support.deployment import Deployment
from tests.support.patience import PATIENCE
from tests.support.plain import (
    COMMAND,
    INFO,
    INSTALL,
    Behaviour,
    Floodlight,
    O,
    Once,
    Request,
    Requester,
    command,
    error_type,
    raw,
    switch_id,
    sync_chain,
)

pytestmark = pytest.mark.broker

SYNC = f"{O}.command.discovery.NetworkCommandData"
DUMPED = f"{O}.info.discovery.NetworkDumpSwitchData"
UNMANAGED = f"{O}.info.switches.UnmanagedSwitchNotification"
#: switches of each FL that the router knows from the start.
HELD = 12


class Wire:
    """A worker, three FLs and a requester, shared by all tests of the module."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.once = Once()
        deployment.create_topics()
        self.fls: dict[str, Floodlight] = {}
        self.held: dict[str, list[str]] = {}
        for at, name in enumerate(deployment.floodlights):
            self.held[name] = [switch_id(0x100 * (at + 1) + number) for number in range(HELD)]
            self.fls[name] = deployment.floodlight(name, switches=self.held[name])
        self.requester: Requester = deployment.requester()
        self.given: Tap = deployment.tap(*map(deployment.read_topic, deployment.floodlights))
        self.worker = deployment.start_worker()
        for name in self.held:
            self.reach(self.held[name])

    def ask(self, payload: str, name: str, key: str | None = None) -> None:
        """Send a command around a payload that is written out."""
        self.send(f'{{"clazz":"{COMMAND}","correlation_id":"{name}","payload":{payload}}}', key)

    def send(self, message: str, key: str | None = None) -> None:
        """Send a message that is written out."""
        self.requester.send(message.encode(), key)

    def reach(self, switches: Sequence[str]) -> None:
        """Fail unless an FL answers a command to each of them."""
        names = {switch: self.once.id() for switch in switches}
        for switch, name in names.items():
            self.ask(f'{{"clazz":"{INSTALL}","switch_id":"{switch}"}}', name, switch)
        refused = {
            switch: error_type(self.requester.wait(name, timeout=20)[0])
            for switch, name in names.items()
        }
        assert set(refused.values()) == {None}, refused

    def given_for(self, name: str) -> Record:
        """What an FL was given for the command with this correlation id."""
        return self.given.wait_for(
            lambda record: str(record.message.get("correlation_id")).startswith(f"{name}~")
        )[0]

    def ask_for_sync(self, name: str) -> None:
        """Ask all FLs for their switches."""
        self.requester.send(command({"clazz": SYNC}, name))

    def home(self, fl: str) -> int:
        """The partition where the shard reads that leads the syncs of an FL."""
        return self.deployment.home(fl)


@pytest.fixture(scope="module")
def wire(broker_url: str, work_folder: Path) -> Iterator[Wire]:
    """Short timeouts, for what is lost must be seen to be lost."""
    with Deployment(
        broker_url,
        work_folder,
        floodlights=["fl-1", "fl-2", "fl-3"],
        partitions=8,
        ack_timeout=3 * PATIENCE,
        response_timeout=3 * PATIENCE,
        alive_timeout=8 * PATIENCE,
        sync_timeout=8 * PATIENCE,
        sync_interval=0,
    ) as deployment:
        yield Wire(deployment)
        deployment.assert_running()


# both spellings of a switch id


@pytest.mark.parametrize("spelling", ["switch-id", "switch_id"])
def test_a_ping_reaches_the_switch_that_it_starts_from(wire: Wire, spelling: str) -> None:
    """OpenKilda's endpoints have `switch-id` and `port-id`; `switch_id` is taken too."""
    source, dest = wire.held["fl-1"][:2]
    name = wire.once.id()
    ping = (
        f'{{"ping_id":"1","source":{{"{spelling}":"{source}","port-id":1}},'
        f'"dest":{{"{spelling}":"{dest}","port-id":2}}}}'
    )
    wire.ask(f'{{"clazz":"{O}.command.flow.PingRequest","ping":{ping}}}', name)
    [answer] = wire.requester.wait(name)
    assert error_type(answer) is None
    assert (answer.topic, answer.key) == (wire.deployment.topic("ping"), source.encode())
    assert wire.given_for(name).key == source.encode()


@pytest.mark.parametrize("spelling", ["switch-id", "switch_id"])
def test_a_flow_command_names_its_switch_in_both_spellings(wire: Wire, spelling: str) -> None:
    """Also where it usually stands."""
    switch = wire.held["fl-2"][0]
    name = wire.once.id()
    wire.ask(f'{{"clazz":"{INSTALL}","{spelling}":"{switch}"}}', name)
    [answer] = wire.requester.wait(name)
    assert error_type(answer) is None
    assert answer.key == switch.encode()


@pytest.mark.parametrize(
    "payload",
    [
        f'{{"clazz":"{O}.info.discovery.DiscoPacketSendingConfirmation",'
        '"endpoint":{"switch-id":"<switch>","port-id":7},"packetId":3}',
        f'{{"clazz":"{O}.info.event.PortInfoData","switch-id":"<switch>","port_no":7,"state":"UP"}}',
    ],
    ids=["confirmation", "port event"],
)
def test_what_names_a_switch_makes_it_known(wire: Wire, payload: str) -> None:
    """It goes out keyed by the switch, which gets its commands from then on."""
    switch, name = wire.once.switch(), wire.once.id()
    message = f'{{"clazz":"{INFO}","correlation_id":"{name}","timestamp":1,"payload":{payload}}}'
    wire.fls["fl-1"].write(message.replace("<switch>", switch).encode(), name)
    [event] = wire.requester.wait(name)
    assert event.key == switch.encode()
    wire.reach([switch])


# a dump whose records are scattered


def test_the_end_of_a_dump_waits_for_the_records_before_it(wire: Wire) -> None:
    """An FL with null keys spreads a dump over all partitions; its end lies where it is read first.

    No switch that it lists is told REMOVED or loses its FL, and the end goes out last.
    """
    fl, switches = wire.fls["fl-2"], wire.held["fl-2"]
    partitions = wire.deployment.partitions

    def dump(request: Request, held: Sequence[str]) -> Sequence[bytes]:
        def marked(kind: str, more: str = "") -> bytes:
            clazz = f"{O}.info.discovery.NetworkDump{kind}"
            return (
                f'{{"clazz":"{INFO}","correlation_id":"{request.correlation_id}",'
                f'"payload":{{"clazz":"{clazz}"{more}}}}}'
            ).encode()

        fl.write(marked("BeginMarker"), None, wire.home("fl-2"))
        for at, switch in enumerate(held):
            fl.write(marked("SwitchData", f',"switch_id":"{switch}"'), None, at % partitions)
        fl.write(marked("EndMarker"), None, wire.home("fl-2"))
        return ()

    fl.sync = dump
    name = wire.once.id()
    try:
        wire.ask_for_sync(name)
        [end] = wire.requester.wait_where(lambda each: _is(each, name, "NetworkDumpEndMarker"))
        wire.reach(switches)
    finally:
        fl.sync = sync_chain
    records = wire.requester.wait_where(lambda each: _is(each, name, "NetworkDumpSwitchData"))
    listed = [each for each in records if each.payload.get("switch_id") in switches]
    assert {each.payload["switch_id"] for each in listed} == set(switches)
    assert {each.partition for each in listed} == {end.partition}
    assert max(each.offset for each in listed) < end.offset
    told = wire.requester.wait_where(lambda each: each.payload.get("switch_id") in switches)
    assert not [each for each in told if each.payload.get("state") == "REMOVED"]


def _is(record: Record, name: str, kind: str) -> bool:
    """Whether a record is part of a chain that was asked for under the id `name`."""
    under = str(record.message.get("correlation_id")).startswith(f"{name}~")
    return under and str(record.payload.get("clazz")).endswith(kind)


# syncs that are asked for while one runs


def test_who_asks_while_a_sync_runs_gets_chains_too(wire: Wire) -> None:
    """Each requester gets each FL's chain under an id of its own."""
    fl = wire.fls["fl-2"]
    kept: list[bytes] = []

    def begin(request: Request, held: Sequence[str]) -> Sequence[bytes]:
        fl.sync = sync_chain  # the next ones are usual
        first, *rest = sync_chain(request, held)
        kept.extend(rest)
        return (first,)

    fl.sync = begin
    names = [wire.once.id() for _ in range(3)]
    wire.ask_for_sync(names[0])
    wire.requester.wait_where(lambda each: _is(each, names[0], DUMPED) and _from(each, fl))
    for name in names[1:]:
        wire.ask_for_sync(name)
        wire.requester.wait_where(lambda each, name=name: _is(each, name, DUMPED))
    for link in kept:
        fl.write(link, None)

    def chains() -> dict[tuple[str, str], set[str]]:
        found: dict[tuple[str, str], set[str]] = {}
        for record in wire.requester.answers:
            asked, _, rest = str(record.message.get("correlation_id")).rpartition("~")
            if asked in names and "switch_record" in record.payload:
                switch = record.payload["switch_record"]["datapath"]
                found.setdefault((asked, rest), set()).add(switch)
        return found

    def whole() -> bool:
        """Whether each of the three has a whole chain of each of the three FLs."""
        got = [(asked, frozenset(switches)) for (asked, _), switches in chains().items()]
        return all(
            any(asked == name and switches >= set(wire.held[each]) for asked, switches in got)
            for name in names
            for each in wire.held
        )

    wire.requester.until(whole, 20, "a chain of each FL for each requester")
    assert not [
        record for name in names for record in wire.requester.answers_to(name) if error_type(record)
    ]


def _from(record: Record, fl: Floodlight) -> bool:
    return record.payload["switch_record"]["datapath"] in fl.switches


# managed again


def test_a_sync_makes_switches_managed_again(wire: Wire) -> None:
    """After an FL says that it lost what it wrote, its switches are unmanaged until its next sync
    lists them: the link of each says when that sync began, which is later.
    """
    fl, switches = wire.fls["fl-3"], wire.held["fl-3"]
    fl.failed_messages = 3
    told = wire.requester.wait_where(
        lambda each: (
            each.payload.get("clazz") == UNMANAGED and each.payload["switch_id"] in switches
        ),
        HELD,
        timeout=20,
    )
    since = {each.payload["switch_id"]: each.message["timestamp"] for each in told}

    def managed(record: Record) -> bool:
        switch = record.payload.get("switch_record", {}).get("datapath")
        return switch in since and int(record.headers["flrouter-sync-began"]) > since[switch]

    again = wire.requester.wait_where(managed, HELD, timeout=20)
    assert {each.payload["switch_record"]["datapath"] for each in again} == set(switches)
    assert {each.message["total_messages"] for each in again} == {HELD}
    assert Counter(each.payload["switch_id"] for each in told) == Counter(switches)
    wire.reach(switches)


# byte for byte

HALVES = r'"\ud800 \uDC00 \\ud800 \ud83d\ude00"'
TWICE = (
    ' \t{ \n "clazz":"<clazz>", "note" : 1.50 ,"note":[ 1 ] , "payload" :<payload>,\n'
    '"correlation_id" : "<id>","note"\t:{ },"timestamp":1e3 } '
)


@pytest.mark.parametrize(
    ("envelope", "more"),
    [
        ('{"clazz":"<clazz>","correlation_id":"<id>","payload":<payload>}', HALVES),
        (f'{{"clazz":"<clazz>","half":{HALVES},"correlation_id":"<id>","payload":<payload>}}', "1"),
        (TWICE, "2"),
        (TWICE, HALVES),
        (TWICE, '{"correlation_id":"inner","a":1,"a":2}'),
    ],
    ids=["half a pair", "half a pair on top", "twice", "both", "the id inside"],
)
def test_commands_and_answers_pass_byte_for_byte(wire: Wire, envelope: str, more: str) -> None:
    """All but the id: halves of surrogate pairs, fields that occur twice, blanks."""
    switch, name = wire.held["fl-1"][2], wire.once.id()
    asked = envelope.replace("<clazz>", COMMAND).replace(
        "<payload>", f'{{ "clazz":"{INSTALL}","switch_id":"{switch}","more":{more} }}'
    )
    said = envelope.replace("<clazz>", INFO).replace(
        "<payload>", f'{{"clazz":"test.Done", "more":{more}, "more":{more}}}'
    )
    wire.fls["fl-1"].script[switch] = Behaviour(raw(said))
    wire.send(asked.replace("<id>", name), switch)
    [answer] = wire.requester.wait(name)
    assert error_type(answer) is None
    given = wire.given_for(name)
    forwarded = given.message["correlation_id"]
    assert given.value == asked.replace("<id>", forwarded).encode()
    assert answer.value == said.replace("<id>", name).encode()


def test_halves_of_pairs_pass_in_commands_for_several_switches(wire: Wire) -> None:
    """In each part, and in the one answer."""
    switches, name = wire.held["fl-1"][3:5], wire.once.id()
    for switch in switches:
        wire.fls["fl-1"].script[switch] = Behaviour(
            raw(
                f'{{"clazz":"{INFO}","correlation_id":"<id>",'
                f'"payload":{{"clazz":"test.Done","half":{HALVES} }}}}'
            )
        )
    part = f'{{"clazz":"{INSTALL}","half":{HALVES} }}'
    wire.ask(
        f'{{"clazz":"flrouter.MultiSwitchCommand","switch_ids":{json.dumps(switches)},'
        f'"command":{part}}}',
        name,
    )
    [answer] = wire.requester.wait(name)
    assert error_type(answer) is None
    assert (answer.value or b"").count(f'"half":{HALVES} '.encode()) == len(switches)
    for record in wire.given.wait_for(lambda each: name in str(each.value), len(switches)):
        assert f'"half":{HALVES} '.encode() in (record.value or b"")


# dashes


@pytest.mark.parametrize("where", ["command", "list", "event"])
def test_dashes_in_switch_ids_are_taken(wire: Wire, where: str) -> None:
    """As OpenKilda's SwitchId takes them; keys have the canonical form."""
    switch, name = wire.held["fl-1"][5], wire.once.id()
    dashed = switch.replace(":", "-").upper()
    if where == "command":
        wire.ask(f'{{"clazz":"{INSTALL}","switch_id":"{dashed}"}}', name)
        assert wire.given_for(name).key == switch.encode()
    elif where == "list":
        payload = f'"switch_ids":["{dashed}"],"command":{{"clazz":"{INSTALL}"}}'
        wire.ask(f'{{"clazz":"flrouter.MultiSwitchCommand",{payload}}}', name)
        assert wire.given_for(name).key == switch.encode()
    else:
        switch = wire.once.switch()
        payload = f'"switch_id":"{switch.replace(":", "-")}","state":"ACTIVATED"'
        wire.fls["fl-1"].write(
            f'{{"clazz":"{INFO}","correlation_id":"{name}","payload":'
            f'{{"clazz":"{O}.info.event.SwitchInfoData",{payload}}}}}'.encode(),
            name,
        )
    [answer] = wire.requester.wait(name)
    assert error_type(answer) is None
    if where != "list":
        assert answer.key == switch.encode()
    wire.reach([switch])


# sizes


def test_a_list_times_what_goes_to_each_is_limited(wire: Wire) -> None:
    """A command of 100 kB that would become 100 MB is refused before any of it is built."""
    name = wire.once.id()
    switches = ",".join(f'"{number:x}"' for number in range(1, 1_001))
    part = f'{{"clazz":"{INSTALL}","text":"{"x" * 100_000}"}}'
    wire.ask(
        f'{{"clazz":"flrouter.MultiSwitchCommand","switch_ids":[{switches}],"command":{part}}}',
        name,
    )
    [answer] = wire.requester.wait(name, timeout=20)
    assert error_type(answer) == "PARAMETERS_INVALID"
    assert "at most 64,000,000 are taken" in answer.payload["error-description"]
    wire.reach(wire.held["fl-1"][:1])
    assert not [record for record in wire.given.records if name.encode() in (record.value or b"")]


@pytest.mark.parametrize("home", [True, False])
def test_record_headers_count(wire: Wire, home: bool) -> None:
    """A small command with a megabyte of headers has an error, at its home and elsewhere."""
    deployment, switch, name = wire.deployment, wire.held["fl-1"][6], wire.once.id()
    value = command({"clazz": INSTALL, "switch_id": switch}, name)
    partition = (deployment.home(switch) + (not home)) % deployment.partitions
    writer = Writer(deployment.bootstrap)
    large = [("large", bytes(1_010_000))]
    writer.send(deployment.inbound, value=value, partition=partition, headers=large).get(20)
    writer.close()
    [answer] = wire.requester.wait(name, timeout=20)
    assert error_type(answer) == "REQUEST_INVALID"
    assert "with its record headers" in answer.payload["error-description"]
    wire.reach([switch])


def test_correlation_ids_have_a_limit(wire: Wire) -> None:
    """Of 4,096 bytes; whoever writes a longer one is told under it, and none of it is kept."""
    switch = wire.held["fl-1"][7]
    longest, longer = f"{wire.once.id()}{'i' * 5_000}"[:4_096], f"{wire.once.id()}{'i' * 900_000}"
    for name in (longest, longer):
        wire.ask(f'{{"clazz":"{INSTALL}","switch_id":"{switch}"}}', name, switch)
    [answer] = wire.requester.wait(longest)
    assert error_type(answer) is None
    [answer] = wire.requester.wait(longer, timeout=20)
    assert error_type(answer) == "REQUEST_INVALID"
    assert "at most 4096 are taken" in answer.payload["error-description"]
    kept = api.ask(wire.worker, "/api/v1/blacklist").body
    assert longer[:100].encode() not in kept
