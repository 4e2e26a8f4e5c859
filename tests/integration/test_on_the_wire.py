"""What strangers write, byte for byte, against one running worker.

Requester and FLs share no code with flrouter (`tests.support.plain`). The spellings and the
schedules are those in which a suite of an independent client found the router wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.support.clients import Record, Tap
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
    Requester,
    error_type,
    raw,
    switch_id,
)

pytestmark = pytest.mark.broker

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
