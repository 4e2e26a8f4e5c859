"""The first inputs: the sample messages, and what shards and FLs say of them.

`python -m tests.fuzz.seeds FOLDER` writes them, a folder for each target.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from pathlib import Path

import msgspec

from flrouter.core.values import peers, records
from flrouter.core.values.request import Suffixes
from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.speaker.openflow.switches import lldp
from flrouter.speaker.openflow.switches.wire import of
from tests.fuzz.script import write
from tests.fuzz.targets import openflow as asked
from tests.openflow import scripted

SAMPLES = Path(__file__).parents[1] / "samples"
SWITCH = "00:00:00:00:00:00:00:01"
OTHER = "00:00:00:00:00:00:00:02"
NOW = 1_700_000_000_000

NOTES: tuple[peers.Peer, ...] = (
    peers.AddFloodlight("fl-1", False),
    peers.PreferFloodlight("fl-1", "west", 7),
    peers.RemoveFloodlight("fl-2"),
    peers.DrainFloodlight("fl-1"),
    peers.FloodlightState("fl-1", NOW + 1, True, False, True),
    peers.FloodlightState("fl-2", NOW + 5, False, False, True),
    peers.SyncWanted("fl-1", "sync-me"),
    peers.SyncStarted("fl-1", NOW + 2),
    peers.SyncReceipt("fl-1", NOW, 1),
    peers.SyncRecords("fl-1", NOW, [SWITCH, "1", ""]),
    peers.SyncComplete("fl-1", NOW),
    peers.SyncFailed("fl-1", NOW, True),
    peers.NextLink("link-2", "fl-1", "00000000.0.1", 0, NOW + 1_000),
    peers.LinkWanted("link-2", "00000000.0.1", 1),
    peers.LinkMissing("link-2", "00000000.0.1"),
    peers.MoveSwitch(SWITCH, "fl-2"),
    peers.PlaceSwitch(SWITCH, "west"),
    peers.Populate(
        "kilda.speaker/0/9",
        "op",
        "kilda.flow",
        "x.Stats",
        build.message(names.COMMAND, {"clazz": "x.Stats"}, "op", NOW),
        (("a", b"1"),),
    ),
    peers.Scatter(
        "kilda.speaker/0/9",
        0,
        "op",
        b'{"clazz":"org.openkilda.messaging.command.CommandMessage","correlation_id":"op","payload":',
        (("trace", b"1"), ("null", None)),
        [(0, SWITCH, b'{"clazz":"x.Y"}'), (1, OTHER, b"{}"), (1, "", b"")],
    ),
    peers.PartResults(
        "00000000.0.1", [(0, 0, records.Part(True, 2, b"{}")), (1, 0, records.Part(False, 0, b"7"))]
    ),
    peers.PartsOverdue("00000000.0.1", 1, [0, 1]),
)
HOLDERS = {"fl-1": records.Holder(records.Mode.RW, 3, 3), "fl-2": records.Holder(records.Mode.RO)}
ROWS = (
    ("0", SWITCH, records.Switch(HOLDERS, "fl-1")),
    (
        "1",
        "00000000.0.1",
        records.Pending(
            "fl-1", "op", "kilda.flow", SWITCH, "kilda.speaker/0/1", NOW, records.Stage.ACKED, 3, 1
        ),
    ),
    ("2", "00000000.0.2", records.Barred(NOW, "fl-1", "op")),
    ("3", "fl-1", records.Floodlight(5, True, True, True, 3, False, 3, NOW)),
    ("4", "link-2", records.OldLink(NOW, "fl-1", "00000000.0.1", 0)),
    (
        "10",
        "00000000.0.5",
        records.Gather("op", "kilda.flow", "a/0/5", "x.Y", NOW, b"12345678" * 2),
    ),
    ("10", "00000000.0.5.0.0", records.Part(True, 2, b"{}")),
    ("10", "00000000.0.5.0.1", records.Part(True, -1, b"{}")),
    ("10", "00000000.0.5.1.0", records.Part(False, 0, b"{}", "zz")),
    ("11", "00000000.0.6", records.Gather("op", "kilda.flow", "a/0/6", "x.Y", NOW, b"", ["fl-1"])),
    ("10", "00000000.0.7", records.Gather("op", "", "a/0/7", "x.Y", NOW, answered=True)),
    ("4", "link-3", records.OldLink(NOW, orphans=[("fl-1", b"{}", (("a", b"b"),))])),
)


def _samples() -> list[bytes]:
    return [path.read_bytes().strip() for path in sorted(SAMPLES.glob("*.json"))]


def _command(**more: object) -> bytes:
    payload = {"clazz": "org.openkilda.messaging.command.flow.InstallTransitFlow", **more}
    return build.message(names.COMMAND, payload, "op", NOW)


def _scripts() -> list[bytes]:
    """Of the whole-shard target."""
    link = build.chunk({"clazz": "x.Rule"}, "$1", 0, 2, NOW)
    old = build.message(names.CHUNK, {"clazz": "x.Rule"}, "$1", NOW, next_request_id="link-2")
    end = build.message(names.CHUNK, {"clazz": "x.Rule"}, "link-2", NOW, next_request_id=None)
    held = _command(switch_id="00:00:00:00:00:00:00:07")
    event = build.switch_event("00:00:00:00:00:00:00:07", "ACTIVATED", "event", NOW)
    for_one = _command(switch_id=SWITCH)
    inputs = [write(("c 0", each), ("r 0 0", each), ("w 500", None)) for each in _samples()]
    inputs += [
        write(("c 0", for_one), ("r 0 0", build.ack("$1", NOW)), ("r 0 0", answer), ("a", None))
        for answer in (for_one, link, old, build.unmanaged(SWITCH, "$1", NOW))
    ]
    inputs += [
        write(("c 1", for_one), ("r 1 0", old), ("r 0 0", end), ("w 3000", None), ("k 1", None)),
        write(("c 0\na=1\nb", held), ("k 0", None), ("k 1", None), ("r 0 1", event), ("w 9", None)),
        write(("i 0", for_one), ("i 1", b"{"), ("k 0", None), ("a", None)),
        write(
            ("c 0", for_one), ("d", None), ("c 0", held), ("d", None), ("w 9999", None), ("d", None)
        ),
        write(("c 0", b"{"), ("d", None), ("c 1", _command(switch_id="x")), ("d", None)),
        write(("r 0 0", end), ("c 0", for_one), ("r 0 0", old), ("w 9999", None), ("k 0", None)),
    ]
    inputs += _of_syncs() + _of_chains() + _of_many_switches()
    for note in NOTES:
        what = "s 0\nflrouter-what=peer"
        inputs.append(write((what, peers.encode(note)), ("c 0", for_one), ("w 2000", None)))
    return inputs


def _both(*parts: tuple[str, bytes | None]) -> bytes:
    """The parts with each report written to both shards' partitions: one of them is its home."""
    inputs: list[tuple[str, bytes | None]] = []
    for head, value in parts:
        inputs += (
            [(head, value), ("r 1" + head[3:], value)] if head[:3] == "r 0" else [(head, value)]
        )
    return write(*inputs)


def _of_syncs() -> list[bytes]:
    """fl-2 answers the SyncRequest that it has."""

    def link(switch: str, index: int, total: int) -> bytes:
        payload = {"clazz": names.DUMP_SWITCH, "switch_record": {"datapath": switch, "ports": []}}
        return build.chunk(payload, "$2", index, total, NOW)

    def old(cid: str, following: str | None) -> bytes:
        payload = {"clazz": names.DUMP_PORT, "switch_id": SWITCH}
        return build.message(names.CHUNK, payload, cid, NOW, next_request_id=following)

    marker = build.message(names.INFO, {"clazz": names.DUMP_END}, "$2", NOW)
    failed = build.message(names.ERROR, {"clazz": names.ERROR_DATA}, "$2", NOW)
    removed = build.switch_event(SWITCH, "REMOVED", "event", NOW)
    added = build.switch_event(SWITCH, "ADDED", "event", NOW)
    held = _command(switch_id="7")
    return [
        _both(("r 0 1", link(SWITCH, 1, 2)), ("r 0 1", removed), ("r 0 1", link(OTHER, 0, 2))),
        _both(("c 0", held), ("r 0 1", link("7", 0, 2)), ("w 5000", None), ("a", None)),
        _both(("r 0 1", build.chunk(None, "$2", 0, 0, NOW)), ("c 0", held)),
        _both(("r 0 1", old("$2", "link-2")), ("r 0 1", old("link-2", None)), ("w 900", None)),
        _both(("r 0 1", link(SWITCH, 0, 3)), ("r 0 1", marker), ("r 0 0", removed), ("k 0", None)),
        _both(("r 0 1", failed), ("w 9000", None), ("w 9000", None), ("a", None), ("w 1", None)),
        _both(("r 0 1", added), ("r 0 0", removed), ("r 0 1", link(SWITCH, 0, 1)), ("w 1", None)),
        _both(("r 0 0", build.alive_response("a", "fl-1", 3, NOW)), ("a", None), ("w 9", None)),
    ]


def _of_chains() -> list[bytes]:
    """fl-1 answers in many messages, of which some are twice, too large or of another chain."""
    asked = ("c 0", _command(switch_id=SWITCH))

    def link(index: int, total: int, size: int = 0) -> bytes:
        payload = {"clazz": "x.Rule", "text": "x" * size}
        return build.chunk(payload, "$1", index, total, NOW)

    def script(*links: bytes) -> bytes:
        return _both(asked, *(("r 0 0", each) for each in links), ("w 4000", None))

    return [
        script(build.ack("$1", NOW), link(2, 3), link(0, 3), link(0, 3), link(1, 3)),
        script(link(0, 2), link(1, 3), link(1, 2, size=3_000)),
        script(link(0, 2), build.message(names.INFO, {"t": "x" * 3_000}, "$1", NOW)),
        _both(asked, ("k 0", None), ("k 1", None), ("r 0 0", link(0, 1)), ("r 0 0", link(0, 1))),
        _both(
            ("r 0 0", _event("x" * 3_000)), ("r 0 0", _event("")), ("c 0", asked[1] + b" " * 3_000)
        ),
    ]


def _event(text: str) -> bytes:
    payload = {"clazz": "x.StatData", "switch_id": SWITCH, "text": text}
    return build.message(names.INFO, payload, "event", NOW)


def _of_many_switches() -> list[bytes]:
    """Commands to every FL, and to several switches."""
    inputs = []
    for clazz in ("PortsCommandData", "NetworkCommandData", "GetSwitchesRequest"):
        payload = {"clazz": f"org.openkilda.messaging.command.x.{clazz}"}
        asked = build.message(names.COMMAND, payload, "op", NOW)
        answer = build.message(names.INFO, {"clazz": "x.Ports", "switch_id": SWITCH}, "$1", NOW)
        inputs.append(
            _both(
                ("c 0", asked),
                ("r 0 0", build.ack("$1", NOW)),
                ("r 0 0", answer),
                ("r 0 1", build.chunk({"clazz": "x.Ports"}, "$2", 0, 1, NOW)),
                ("w 9000", None),
            )
        )
    several = {"clazz": "flrouter.MultiSwitchCommand", "switch_ids": [SWITCH, OTHER, "x"]}
    one = {"clazz": "org.openkilda.messaging.command.flow.RemoveFlow"}
    for payload in (
        {**several, "command": one},
        {"clazz": several["clazz"], "commands": [{**one, "switch_id": SWITCH}, None]},
    ):
        asked = build.message(names.COMMAND, payload, "op", NOW)
        inputs.append(_both(("c 0", asked), ("c 1", asked), ("w 9000", None)))
    return inputs


def _growing() -> list[bytes]:
    """Little that becomes much: long lists, with much that goes to each of them."""
    inputs = []
    one = {"clazz": "org.openkilda.messaging.command.flow.RemoveFlow"}
    for count, inner, outer in ((290, 10, 0), (200, 1_500, 0), (200, 0, 1_500), (20, 2_000, 0)):
        payload = {
            "clazz": "flrouter.MultiSwitchCommand",
            "switch_ids": [str(at % 10) for at in range(count)],
            "command": {**one, "text": "x" * inner},
        }
        asked = build.message(names.COMMAND, payload, "op", NOW, text="x" * outer)
        inputs.append(_both(("c 0", asked), ("w 9000", None)))
    for clazz in ("PortsCommandData", "NetworkCommandData", "GetSwitchesRequest"):
        payload = {"clazz": f"org.openkilda.messaging.command.x.{clazz}", "text": "x" * 2_000}
        inputs.append(_both(("c 0", build.message(names.COMMAND, payload, "op", NOW))))
    long = build.message(names.COMMAND, {**one, "switch_id": SWITCH}, "i" * 2_000, NOW)
    inputs += [write(("c 0", long), ("w 9000", None))]
    inputs += [write(("i 0\nbig=" + "x" * 2_900, _command(switch_id=at))) for at in (SWITCH, OTHER)]
    asked_often = [("c 0", _command(switch_id="7")) for _ in range(20)]
    return [*inputs, write(*asked_often, ("w 9000", None))]


def seeds() -> dict[str, list[bytes]]:
    """Target → its first inputs."""
    samples = _samples()
    notes = [peers.encode(note) for note in NOTES]
    suffixed = Suffixes("flrouter", 2).add("op", 1, "00000000.0.1")
    homeward = [
        write((f"s\nflrouter-what={what}\nflrouter-origin=kilda.speaker/0/1\n{more}a=b", sample))
        for sample in samples[:6]
        for what, more in (
            ("command", ""),
            ("report", "flrouter-floodlight=fl-1\nflrouter-number=00000000.0.1\n"),
        )
    ]
    return {
        "envelope": [*samples, build.ack(suffixed, NOW)],
        "salvage": [*samples, b'{"correlation_id" : "a\\u00e9", "reply_to":"my.replies",'],
        "shards_topic": [*homeward, *(write(("s\nflrouter-what=peer", note)) for note in notes)],
        "peers": notes,
        "changelogs": [
            *(write((f"{table} {key}", msgspec.msgpack.encode(row))) for table, key, row in ROWS),
            write(*((f"{table} {key}", msgspec.msgpack.encode(row)) for table, key, row in ROWS)),
        ],
        "group": [write(("m", value)) for value in _members()],
        "speaker": [write(("r 0", sample)) for sample in samples]
        + [write(("r 0", _command(switch_id=SWITCH)), ("r 9", _command(switch_id=SWITCH)))],
        "openflow": _openflow(),
        "pages": [
            b"GET /tables/switches",
            b"GET /tables/%00?x=1",
            b"HEAD /metrics",
            b"POST /tables/links",
            b"GET //tables/../metrics",
            b"GET /api/v1/switches?limit=2&after=00&floodlight=fl-1",
            b"GET /api/v1/pending?state=sent&since=1&switch=1",
            b"GET /api/v1/requests/a%2Fb%00?local=true",
            b"GET /api/v1/switches/1",
            b"POST /api/v1/floodlights/fl-1/drain",
        ],
        "shard": _scripts(),
        "amplification": _growing(),
    }


def _openflow() -> list[bytes]:
    """All that an FL asks for, answered; then other ends of it."""
    actions = struct.pack("!HH4xHHIH6x", of.OFPIT_APPLY_ACTIONS, 24, 0, 16, 3, 0)
    tracking = struct.pack("!HHIH14xHHIHHI", 0xFFFF, 40, 0x2320, 35, 0, 16, 3, 0, 0, 0)
    both = struct.pack("!HH4x", of.OFPIT_APPLY_ACTIONS, 8 + len(tracking)) + tracking
    foreign = struct.pack("!HHII4x", of.OFPIT_EXPERIMENTER, 16, 0x2320, 0)
    dumped = scripted.rule(actions) + scripted.rule(both, foreign) + scripted.rule()
    limited = struct.pack("!HHIHHII4x", 24, 0, 1, of.OFPMBT_DROP, 16, 9, 9)
    counters = struct.pack(of.OFP_PORT_STATS_PACK_STR, 1, *range(14))
    described = scripted.port(1) + scripted.port(of.OFPP_LOCAL)
    packet = scripted.packet_in(1, lldp.packet(OTHER, 1, NOW, b""))
    stale = struct.pack("!HH", of.OFPET_ROLE_REQUEST_FAILED, of.OFPRRFC_STALE)
    answers = [
        scripted.frame(of.OFPT_HELLO, 0),
        scripted.frame(
            of.OFPT_FEATURES_REPLY, asked.FEATURES, struct.pack("!QIBB2xII", 1, 0, 1, 0, 0, 0)
        ),
        scripted.multipart(asked.PORTS, of.OFPMP_PORT_DESC, described),
        scripted.multipart(asked.RULES, of.OFPMP_FLOW, dumped, of.OFPMPF_REPLY_MORE),
        scripted.multipart(asked.RULES, of.OFPMP_FLOW, dumped),
        scripted.multipart(asked.METERS, of.OFPMP_METER_CONFIG, limited),
        scripted.multipart(asked.COUNTERS, of.OFPMP_PORT_STATS, counters),
        scripted.frame(of.OFPT_ROLE_REPLY, asked.ROLE, struct.pack("!I4xQ", 1, 7)),
        packet,
        scripted.port_status(asked.BARRIER, 1),
        scripted.frame(of.OFPT_ERROR, asked.MOD, stale),
        scripted.frame(of.OFPT_ECHO_REQUEST, 0, b"x"),
        scripted.frame(of.OFPT_BARRIER_REPLY, asked.BARRIER),
    ]
    return [b"".join(answers), *answers, b"GET / HTTP/1.1\r\n\r\n"]


def _members() -> list[bytes]:
    from faust.assignor.client_assignment import ClientAssignment, ClientMetadata

    inputs = []
    for partitions in ([], [0, 1], [7, 7, -1]):
        held = ClientAssignment(actives={"flrouter-shards": partitions}, standbys={})
        inputs.append(
            ClientMetadata(
                assignment=held,
                url="http://localhost:6066",
                changelog_distribution={"http://localhost:6066": {"a": [0]}},
                external_topic_distribution={},
                topic_groups={"a": 8},
            ).dumps()
        )
    return inputs


def main() -> None:
    """Write all seeds."""
    for target, inputs in seeds().items():
        folder = Path(sys.argv[1]) / target
        folder.mkdir(parents=True, exist_ok=True)
        for data in inputs:
            (folder / hashlib.sha1(data).hexdigest()).write_bytes(data)


if __name__ == "__main__":
    main()
