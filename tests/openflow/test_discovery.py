"""Links by what discovery packets say: who is believed, and when a link is lost."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from flrouter.speaker.__main__ import main
from flrouter.speaker.openflow.discovery import MAX_MISSED_INTERVALS, Discovery
from flrouter.speaker.openflow.options import OpenFlowOptions
from flrouter.speaker.openflow.switches import lldp
from flrouter.speaker.openflow.switches.flood import BURST_PACKETS, PACKETS_PER_S, PacketIns
from flrouter.speaker.openflow.switches.ports import OpenFlowPort
from flrouter.speaker.openflow.switches.roles import Role
from flrouter.speaker.options import SpeakerOptions
from flrouter.speaker.sync import PortState
from tests.openflow.scripted import packet_in

KEY = b"sixteen or more bytes"
HERE = "00:00:00:00:00:00:00:01"
THERE = "00:00:00:00:00:00:00:02"
INTERVAL_S = 3.0


class Field:
    """A switch with two ports, the links that were reported, and a clock that a test moves."""

    def __init__(self, key: bytes = b"") -> None:
        self.now = 1_000.0
        self.said: list[tuple[str, int, str]] = []
        self.discovery = Discovery(self._report, INTERVAL_S, key, lambda: self.now)
        up = {number: OpenFlowPort(number, f"p{number}", PortState.UP) for number in (1, 2)}
        self.switch: Any = SimpleNamespace(id=HERE, ports=up)

    def _report(self, source: tuple[str, int], here: object, latency_ns: int, state: str) -> None:
        self.said.append((*source, state))

    def receive(self, packet: bytes, port: int = 1) -> None:
        """A packet comes to a port."""
        message = SimpleNamespace(data=packet, match={"in_port": port})
        self.discovery.receive(self.switch, message)

    def wait(self, seconds: float) -> None:
        """Time passes, and then lost links are looked for."""
        self.now += seconds
        self.discovery.expire()


def sent(port: int = 7, key: bytes = b"", ago_s: float = 0) -> bytes:
    """A packet that left a port of the other switch."""
    return lldp.packet(THERE, port, time.time_ns() - int(ago_s * 1e9), key)


def test_a_link_that_is_not_seen_any_more() -> None:
    """Is lost after three intervals."""
    field = Field()
    field.receive(sent())
    for _ in range(MAX_MISSED_INTERVALS):
        field.wait(INTERVAL_S)
    assert field.said == [(THERE, 7, "DISCOVERED")]
    field.wait(INTERVAL_S)
    assert field.said[1:] == [(THERE, 7, "FAILED")]


def test_a_pause_of_the_fl_loses_no_link() -> None:
    """It sent no packets meanwhile and read none; a link that is not there after it is lost."""
    field = Field()
    field.receive(sent())
    field.wait(INTERVAL_S)
    field.wait(3_600)
    assert field.said == [(THERE, 7, "DISCOVERED")]
    for _ in range(MAX_MISSED_INTERVALS):
        field.wait(INTERVAL_S)
    assert field.said[1:] == [(THERE, 7, "FAILED")]


def test_one_packet_cuts_no_link() -> None:
    """A port has a new neighbour when it was seen twice, with nothing of the old one in between."""
    field = Field()
    for port in (7, 8, 7, 8, 9, 8, 7):
        field.receive(sent(port))
    assert field.said == [(THERE, 7, "DISCOVERED")]
    field.receive(sent(8))
    field.receive(sent(8))
    assert field.said[1:] == [(THERE, 7, "FAILED"), (THERE, 8, "DISCOVERED")]


@pytest.mark.parametrize(
    "packet",
    [
        sent(),
        sent(key=b"another key of 16 bytes"),
        sent(key=KEY).replace(bytes.fromhex(THERE.replace(":", "")), bytes(7) + b"\3"),
        sent(key=KEY, ago_s=MAX_MISSED_INTERVALS * INTERVAL_S + 1),
        sent(key=KEY, ago_s=-86_400),
        sent(key=KEY)[:-3],
    ],
    ids=["unsigned", "another key", "changed", "old", "of the future", "cut"],
)
def test_with_a_key_only_who_has_it_is_believed(packet: bytes) -> None:
    """And only while it is new."""
    field = Field(KEY)
    field.receive(packet)
    assert field.said == []
    field.receive(sent(key=KEY))
    assert field.said == [(THERE, 7, "DISCOVERED")]


def test_only_what_looks_like_ours_from_its_first_byte_is_read() -> None:
    """Not LLDP of others, nor a packet that carries one of ours."""
    ours, packets = sent(), PacketIns()
    assert packets.wanted(packet_in(1, ours), 0.0)
    for other in (ours[:12] + b"\x08\x00" + ours[14:], bytes(60) + ours, ours[:40], b""):
        assert not packets.wanted(packet_in(1, other), 0.0)
    assert not packets.wanted(b"", 0.0)


def test_our_own_packets_in_masses() -> None:
    """A loop in the network: at first many, then so many a second are read, and no more."""
    packets, frame = PacketIns(), packet_in(1, sent())
    wanted = [packets.wanted(frame, 100.0) for _ in range(int(BURST_PACKETS) + 100)]
    assert (sum(wanted), packets.dropped) == (BURST_PACKETS, 100)
    wanted = [packets.wanted(frame, 101.0) for _ in range(1_000)]
    assert sum(wanted) == PACKETS_PER_S
    assert packets.wanted(frame, 1_000.0)


def test_the_command_line(
    tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key stands in a file; one that is too short is refused, and so is a file that is not."""
    serving: list[tuple[OpenFlowOptions, str]] = []
    serve = "flrouter.speaker.serving.process.serve"
    monkeypatch.setattr(serve, lambda _, *options: serving.append(options))

    def status(*given: str) -> object:
        with pytest.raises(SystemExit) as ended:
            main(["--id", "fl-1", "--openflow", "0", *given], SpeakerOptions(id=""), "speaker")
        return ended.value.code

    (tmp_path / "key").write_bytes(KEY + b"\n")
    (tmp_path / "short").write_bytes(b"secret\n")
    assert status("--discovery-key-file", str(tmp_path / "key"), "--role", "master") == 0
    assert status() == 0
    speaker = SpeakerOptions(id="fl-1")
    assert serving == [
        (OpenFlowOptions(speaker=speaker, port=0, discovery_key=KEY, role=Role.MASTER), "WARNING"),
        (OpenFlowOptions(speaker=speaker, port=0), "WARNING"),
    ]
    assert KEY.decode() not in repr(serving)
    for name, why in (("short", "6 bytes"), ("missing", "No such file")):
        assert status("--discovery-key-file", str(tmp_path / name)) == 2
        assert why in capsys.readouterr().err
    assert status("--switches", "3") == 2
