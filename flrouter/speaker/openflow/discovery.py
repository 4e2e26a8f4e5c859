"""Links between switches: a discovery packet leaves every port, and its arrival shows a link.

The FL that holds the receiving switch reports the link, whichever FL sent the packet. It reports a
link when the link is first seen, when it is lost, and once more after each sync. A link is lost
when its receiving port goes down or away, or when no packet has come for three intervals. Time in
which this FL stood still does not count.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flrouter.speaker.openflow.switches import lldp
from flrouter.speaker.openflow.switches.switch import Switch
from flrouter.speaker.openflow.switches.wire import DESC, messages, of
from flrouter.speaker.sync import Mode, PortState

#: intervals without a packet after which a link is lost.
MAX_MISSED_INTERVALS = 3

Endpoint = tuple[str, int]


#: reports a link as `Speaker.isl_event` does: source, destination, latency in ns, state.
Report = Callable[[Endpoint, Endpoint, int, str], object]


@dataclass(slots=True)
class _Link:
    source: Endpoint
    latency_ns: int
    seen_s: float
    #: the source of the last packet, if it was not `source`.
    other: Endpoint | None = None


class Discovery:
    """The links that end at switches of this FL, by their receiving ends."""

    def __init__(
        self,
        report: Report,
        interval_s: float,
        key: bytes = b"",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args:
        interval_s: between two packets of a port.
        key: all FLs sign packets with it; without a key, every packet is believed.
        clock: seconds since any fixed moment.
        """
        self._report = report
        self._interval_s = interval_s
        self._key = key
        self._clock = clock
        self._links: dict[Endpoint, _Link] = {}
        #: when lost links were last looked for.
        self._looked_s = clock()

    def send(self, switches: Iterable[Switch]) -> None:
        """Send a packet out of every port that is up; switches that are congested are skipped."""
        for switch in switches:
            if switch.mode is Mode.READ_WRITE and not switch.connection.congested:
                for port in switch.ports.values():
                    if port.state is PortState.UP:
                        self.send_from(switch, port.number)

    def send_from(self, switch: Switch, port: int) -> None:
        """Send a packet out of one port."""
        packet = lldp.packet(switch.id, port, time.time_ns(), self._key)
        switch.connection.send(
            messages.OFPPacketOut(
                DESC,
                buffer_id=of.OFP_NO_BUFFER,
                in_port=of.OFPP_CONTROLLER,
                actions=[messages.OFPActionOutput(port)],
                data=packet,
            )
        )

    def receive(self, switch: Switch, packet_in: Any) -> None:
        """Take a packet that `switch` has sent up."""
        sighting = lldp.read(packet_in.data, self._key)
        number = packet_in.match.get("in_port")
        port = switch.ports.get(number)
        if sighting is None or port is None or port.state is not PortState.UP:
            return
        here, source = (switch.id, number), (sighting.switch, sighting.port)
        age_ns = time.time_ns() - sighting.sent_ns
        if self._key and abs(age_ns) > MAX_MISSED_INTERVALS * self._interval_s * 1e9:
            return  # a replay of an old packet of ours
        # The clock of the FL that sent it may be ahead of this one.
        latency_ns = max(0, age_ns)
        known = self._links.get(here)
        if known is not None and known.source == source:
            known.seen_s, known.other = self._clock(), None
            return
        if known is not None:
            if known.other != source:
                known.other = source  # one packet is not enough to replace a link
                return
            self._lose(here)
        self._links[here] = _Link(source, latency_ns, self._clock())
        self._report(source, here, latency_ns, "DISCOVERED")

    def expire(self) -> None:
        """Report links as lost that were not seen for too long. Call this every interval."""
        now = self._clock()
        pause = now - self._looked_s - self._interval_s
        self._looked_s = now
        if pause > self._interval_s:
            # This FL stood still: it neither sent nor read packets in the meantime.
            for link in self._links.values():
                link.seen_s = min(now, link.seen_s + pause)
        oldest = now - MAX_MISSED_INTERVALS * self._interval_s
        for here in [here for here, link in self._links.items() if link.seen_s < oldest]:
            self._lose(here)

    def port_lost(self, switch: str, port: int) -> None:
        """A port went down or away, and with it the link that ends there."""
        if (switch, port) in self._links:
            self._lose((switch, port))

    def switch_lost(self, switch: str) -> None:
        """Forget the links of a switch that left this FL, and report nothing: they may be up."""
        for here in [here for here in self._links if here[0] == switch]:
            del self._links[here]

    def say_again(self) -> None:
        """Report every link once more, for a listener that requested a sync."""
        for here, link in self._links.items():
            self._report(link.source, here, link.latency_ns, "DISCOVERED")

    def _lose(self, here: Endpoint) -> None:
        link = self._links.pop(here)
        self._report(link.source, here, link.latency_ns, "FAILED")
