"""The catalog: whom a command is for, where its switch stands, who gets the answer."""

from __future__ import annotations

import json
import time

import msgspec
import pytest

from flrouter import profiles
from flrouter.messages.envelope import Payload, decode
from flrouter.messages.kinds.catalog import Catalog, CommandKind, Done, Scope
from flrouter.messages.switch_id import BadSwitchId, canonical
from tests.messages.strategies import SAMPLES

ROLES = {role: f"kilda.{role}" for role in ("flow", "northbound", "disco", "stats", "ping")}


def catalog_of(entries: str = "") -> Catalog:
    """The plain profile's catalog, after the entries of a user's profile."""
    return profiles.read(f'extends = "plain"\n{entries}').catalog(ROLES)


BUILT_IN = catalog_of()


def answered_by(kind: str, catalog: Catalog = BUILT_IN) -> str:
    """The topic that answers commands of class `kind`."""
    return catalog.answer_topic(catalog.command(kind))


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("InstallIngressFlow", "flow"),
        ("RemoveFlow", "flow"),
        ("BatchInstallRequest", "flow"),
        ("SomethingNew", "flow"),
        ("", "flow"),
        ("NetworkCommandData", "disco"),
        ("DiscoverIslCommandData", "disco"),
        ("PingRequest", "ping"),
        ("PortsCommandData", "stats"),
        ("DumpRulesRequest", "northbound"),
        ("ValidateRulesRequest", "northbound"),
        ("SwitchRulesDeleteRequest", "northbound"),
        ("DeleteMeterRequest", "northbound"),
        ("PortConfigurationRequest", "northbound"),
        ("ConnectModeRequest", "northbound"),
    ],
)
def test_who_gets_the_answer(kind: str, role: str) -> None:
    """The protocol's table, with the class name alone and with its package."""
    assert answered_by(kind) == f"kilda.{role}"
    assert answered_by(f"org.openkilda.messaging.command.{kind}") == f"kilda.{role}"


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        ("event.SwitchInfoData", "disco"),
        ("event.PortInfoData", "disco"),
        ("event.IslInfoData", "disco"),
        ("discovery.NetworkDumpSwitchData", "disco"),
        ("stats.FlowStatsData", "stats"),
        ("stats.MeterStatsData", "stats"),
        ("error.ErrorData", "flow"),
        ("error.rule.FlowCommandErrorData", "flow"),
        ("Whatever", "disco"),
    ],
)
def test_who_gets_events(kind: str, role: str) -> None:
    """Discovery, statistics and errors go to those who listen for them."""
    for _ in range(2):  # the second time it is remembered
        assert (
            BUILT_IN.topic_of(BUILT_IN.event(f"org.openkilda.messaging.info.{kind}"))
            == f"kilda.{role}"
        )


@pytest.mark.parametrize(
    ("kind", "scope", "done"),
    [
        ("NetworkCommandData", Scope.FLOODLIGHTS, Done.SYNC),
        ("PortsCommandData", Scope.FLOODLIGHTS, Done.ACK),
        ("ConnectModeRequest", Scope.FLOODLIGHTS, Done.MESSAGE),
        ("flrouter.MultiSwitchCommand", Scope.SWITCHES, Done.MESSAGE),
        ("RemoveFlow", Scope.SWITCH, Done.MESSAGE),
    ],
)
def test_scopes(kind: str, scope: Scope, done: Done) -> None:
    """Some commands are for every FL, some for several switches, most for one."""
    entry = BUILT_IN.command(kind)
    assert (entry.scope, entry.done) == (scope, done)


def test_user_file_wins() -> None:
    """The user's entries are read first; what they do not name stays as it was."""
    catalog = catalog_of(
        """
        [[command]]
        kind = "RemoveFlow"
        answer = "my.answers"
        [[command]]
        kind = "com.mine.*"
        answer = "stats"
        switch = "target.id"
        [[event]]
        kind = "IslInfoData"
        topic = "my.isls"
        """,
    )
    assert answered_by("a.b.RemoveFlow", catalog) == "my.answers"
    assert answered_by("com.mine.RemoveRules", catalog) == "kilda.stats"
    assert answered_by("com.other.RemoveRules", catalog) == "kilda.flow"
    assert catalog.topic_of(catalog.event("x.IslInfoData")) == "my.isls"
    assert catalog.topic_of(catalog.event("x.PortInfoData")) == "kilda.disco"
    assert catalog.requester_topics == set(ROLES.values()) | {"my.answers", "my.isls"}


@pytest.mark.parametrize(
    ("pattern", "kind", "matches"),
    [
        ("Dump*", "org.DumpRules", True),
        ("Dump*", "org.MyDumpRules", False),
        ("Dump*", "Dump.Rules", False),
        ("*Meter*", "a.MeterX", True),
        ("*Meter*", "a.Meter", True),
        ("*Meter*", "meter.X", False),
        ("A*B*C", "x.A1B2C", True),
        ("A*B*C", "x.ABC", True),
        ("A*B*C", "x.A2C", False),
        ("AB*BC", "ABC", False),
        ("org.*", "org.x.Y", True),
        ("org.*", "com.org.Y", False),
        ("org.Y", "org.Y", True),
        ("org.Y", "com.org.Y", False),
        ("Y", "com.org.Y", True),
        ("Y", "com.org.YY", False),
        ("*", "", True),
        ("A+*", "x.A+(", True),
        ("A\n*", "x.A\n\nB", True),
    ],
)
def test_patterns(pattern: str, kind: str, *, matches: bool) -> None:
    """A pattern is for the last part of a class name, or for the whole name if it has a dot."""
    mine = CommandKind(kind=pattern, answer="mine")
    other = CommandKind(kind="*", answer="other")
    assert (Catalog([mine, other], [], {}, {}).command(kind) is mine) == matches


def test_patterns_are_matched_in_linear_time() -> None:
    """A class name of a megabyte, made to be tried everywhere, holds nobody up."""
    began = time.process_time()
    for character in (".", "a", "Met", "Port."):
        BUILT_IN.command(character * (1_000_000 // len(character)))
        BUILT_IN.topic_of(BUILT_IN.event(character * (1_000_000 // len(character))))
    assert time.process_time() - began < 2


def test_remembered_names_are_bounded() -> None:
    """Names come from outside, so neither their number nor their length may fill the memory."""
    catalog = catalog_of()
    for number in range(10_100):
        assert answered_by(f"Kind{number}", catalog) == "kilda.flow"
        assert catalog.topic_of(catalog.event(f"Kind{number}")) == "kilda.disco"
        assert catalog.places.of(f"Kind{number}") == ()
    assert len(catalog._command_of) == len(catalog._event_of) == len(catalog.places._of) == 10_000
    catalog = catalog_of()
    catalog.command("x" * 201)
    catalog.topic_of(catalog.event("x" * 201))
    catalog.places.of("x" * 201)
    assert not catalog._command_of
    assert not catalog._event_of
    assert not catalog.places._of


def switch(path: str, payload: object) -> str:
    """The switch that a command is for, where the catalog says that its id stands at `path`."""
    data = json.dumps({"clazz": "x", "payload": payload}).encode()
    catalog = Catalog([CommandKind(kind="*", answer="flow", switch=path)], [], {}, {})
    return catalog.switch_of(decode(data), data)


def usual(kind: str, payload: dict[str, object]) -> str:
    """The same, where the built-in catalog says."""
    payload = {"clazz": f"org.openkilda.{kind}", **payload}
    data = json.dumps({"clazz": "x", "payload": payload}).encode()
    switch = BUILT_IN.switch_of(decode(data), data)
    alone = json.dumps(payload).encode()
    given = BUILT_IN.places.given(msgspec.json.decode(alone, type=Payload), alone)
    assert canonical(given) == switch
    return switch


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name: str) -> None:
    """The single-switch commands among the samples name their switch."""
    if name[:2] in {"01", "05", "09", "14", "32", "33", "34"}:
        envelope = decode(SAMPLES[name])
        switch = BUILT_IN.switch_of(envelope, SAMPLES[name])
        assert switch.startswith("00:00:00:00:00:00:00:0")


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("RemoveFlow", {"switch_id": "2"}),
        ("RemoveFlow", {"switch-id": "2"}),
        ("RemoveFlow", {"switch-id": "00-00-00-00-00-00-00-02"}),
        ("PingRequest", {"ping": {"source": {"switch-id": "2", "port-id": 1}}}),
        ("PingRequest", {"ping": {"source": {"switch_id": "2", "port_no": 1}}}),
        ("PingRequest", {"switch_id": "3", "ping": {"source": {"switch-id": "2"}}}),
        ("PingRequest", {"switch_id": "2", "ping": {"source": 7}}),
        ("PingRequest", {"switch-id": "2", "ping": {"source": {}}}),
        ("DiscoverPathCommandData", {"source_switch_id": "2", "destination_switch_id": "1"}),
        ("MeterModifyCommandRequest", {"fwd_switch_id": "2", "rvs_switch_id": "1"}),
        ("MeterModifyCommandRequest", {"switch_id": "2"}),
        ("SetupBfdSession", {"bfd-session": {"target": {"datapath": "2"}, "remote": {}}}),
        ("RemoveBfdSession", {"bfd_session": {"target": {"datapath": "2"}}}),
    ],
)
def test_where_commands_name_their_switch(kind: str, payload: dict[str, object]) -> None:
    """Each kind in places of its own; after those at the usual one; `_` and `-` are the same."""
    assert usual(kind, payload) == "00:00:00:00:00:00:00:02"


def test_a_user_says_where_the_switch_is() -> None:
    """In an entry of the table, for commands and what FLs say, or in the entry of a command."""
    catalog = catalog_of(
        """
        [[command]]
        kind = "PingRequest"
        answer = "my.pings"
        [[command]]
        kind = "com.mine.Count"
        answer = "stats"
        switch = "target.id"
        [[switch]]
        kind = "com.mine.*"
        at = ["where.last.dpid", "at_id"]
        """,
    )
    for kind, payload in [
        ("x.PingRequest", b'"ping":{"source":{"switch-id":"2"}}'),
        ("com.mine.Count", b'"target":{"id":"2"},"at_id":"3"'),
        ("com.mine.Counted", b'"where":[{},{"dpid":"2"}]'),
        ("com.mine.Counted", b'"where":7,"at-id":"2"'),
    ]:
        data = b'{"clazz":"x","payload":{"clazz":"%b",%b}}' % (kind.encode(), payload)
        assert catalog.switch_of(decode(data), data).endswith(":02")
    assert catalog.places.told("com.mine.X") == (
        "payload.where.last.dpid or payload.at_id or payload.switch_id"
    )


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ("switch_id", None),
        ("switch_id", {}),
        ("switch_id", {"switch_id": 7}),
        ("a.b", None),
        ("a.b", {}),
        ("a.b", {"a": {"b": None}}),
        ("a.b", {"a": {"b": [1]}}),
        ("a.b", {"a": ["b"]}),
        ("a.b", {"a": {"b": "x"}}),
    ],
)
def test_no_switch(path: str, payload: object) -> None:
    """A single-switch command without a switch is refused."""
    with pytest.raises(BadSwitchId):
        switch(path, payload)


def test_numbers_out_of_range_are_no_harm() -> None:
    """A number that Python cannot hold, beside the switch id or in its place, is only data."""
    catalog = Catalog([CommandKind(kind="*", answer="flow", switch="a.b")], [], {}, {})
    data = b'{"clazz":"x","payload":{"x":1e999,"a":{"b":"1","c":-1e999}}}'
    assert catalog.switch_of(decode(data), data).endswith(":01")
    data = b'{"clazz":"x","payload":{"a":{"b":1e999}}}'
    with pytest.raises(BadSwitchId):
        catalog.switch_of(decode(data), data)
