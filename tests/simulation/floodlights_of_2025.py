"""FLs as OpenKilda has them in 2025: several topics, no acknowledgements, syncs without an end."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from flrouter.messages import names
from flrouter.messages.envelope import Envelope
from flrouter.messages.forms import build
from tests.core.floodlight import Written
from tests.core.forms import Doing, in_second_envelope
from tests.core.gathered import O
from tests.core.world import Record

from .floodlights import Floodlight, Line
from .populations import EACH


class FloodlightOf2025(Floodlight):
    """One region. Whatever is of one switch has that as its key."""

    syncs: ClassVar = ["full", "full", "full", "half", "silent"]
    scatters_events = False

    # -- events --------------------------------------------------------------------------------

    def _event(self, switch: str, state: str) -> bytes:
        payload: dict[str, Any] = {
            "clazz": names.SWITCH_EVENT,
            "switch_id": switch,
            "state": state,
        }
        if state in ("ACTIVATED", "ADDED"):
            payload["switch"] = self._record_of(switch)
        return build.message(names.INFO, payload, f"event-{switch}", self._topics.now)

    def _record_of(self, switch: str) -> dict[str, Any]:
        sockets = {name: {"address": self.name, "port": 1} for name in ("switch", "speaker")}
        ends = {f"{name}-socket": socket for name, socket in sockets.items()}
        return {"datapath": switch, **ends, "ports": []}

    def lose(self, switch: str, state: str) -> None:
        """Whose master it is no more it may read still, until the switch is removed."""
        if state == "REMOVED":
            super().lose(switch, state)
        else:
            self.switches[switch] = "ADDED"
            self.event(switch, state)

    def port_event(self, switch: str) -> None:
        """Tell of a port, without saying how the switch is."""
        payload = {"clazz": names.PORT_EVENT, "switch_id": switch, "port_no": 1, "state": "UP"}
        data = build.message(names.INFO, payload, f"port-{switch}", self._topics.now)
        self._write((data, switch, None))

    def start(self, *, anew: bool) -> None:
        """Its switches come again; what the router itself had asked before it does not read."""
        super().start(anew=anew)
        for log in self._logs_of_own:
            log.read = len(log)
        for switch, state in self.switches.items():
            self.event(switch, state)

    # -- answers -------------------------------------------------------------------------------

    def _write(self, line: Line) -> bool:
        written = super()._write(line)
        if written and names.DUMP_SWITCH.encode() in line[0]:
            payload = msgspec.json.decode(line[0])["payload"]
            self._promises.syncs.wrote(
                self.name,
                payload["dump_id"],
                payload["switch_record"]["datapath"],
                self._topics.now,
                master=payload["write_mode"],
            )
        return written

    def _answer_sync(self, cid: str, record: Record) -> None:
        """A record of each switch, under ids of its own, and nothing at the end."""
        if self.sync == "silent":
            return
        listed = sorted(self.switches.items())
        lane: list[Line] = []
        for switch, state in listed[:-1] if self.sync == "half" else listed:
            payload = {
                "clazz": names.DUMP_SWITCH,
                "switch_record": self._record_of(switch),
                "dump_id": record.json["payload"]["dump_id"],
                "write_mode": state == "ACTIVATED",
            }
            data = build.message(names.INFO, payload, f"dump-{switch}", self._topics.now)
            lane.append((data, switch, None))
        if lane:
            self._lanes.append(lane)

    def _answer(self, record: Record, envelope: Envelope, cid: str, doing: Doing) -> list[Line]:
        kind = envelope.kind
        if kind == names.BROADCAST:
            return self._tell_all(record, cid)
        if kind.endswith("DiscoverPathCommandData"):
            return []  # nothing answers it
        return super()._answer(record, envelope, cid, doing)

    def _answers(
        self, record: Record, envelope: Envelope, cid: str, at: int, doing: Doing
    ) -> list[tuple[int, int, bytes]]:
        if envelope.root and not envelope.kind.endswith("ForFlowHsRequest"):
            return super()._answers(record, envelope, cid, at, doing)
        return in_second_envelope(self._topics.now, cid, doing, record.value)

    def _tell_all(self, record: Record, cid: str) -> list[Line]:
        """One record for each switch of the scope that is there; of statistics, unasked ones."""
        wrapper = record.json["payload"]
        suffix = self._suffixes.read(cid)
        assert suffix is not None
        asked = wrapper["payload"]["clazz"].endswith("PortsCommandData")
        kind = "SwitchPortStatusData" if asked else "PortStatsData"
        self._handled += 1
        lane: list[Line] = []
        for switch in wrapper["scope"]:
            if switch in self.switches:
                payload = {"clazz": f"{O}.info.stats.{kind}", "switch_id": switch}
                under = cid if asked else f"gathered-{switch}"
                data = build.message(names.INFO, payload, under, self._topics.now)
                what = Written(self.name, suffix.number, EACH, -1, -1, data, self._handled)
                lane.append((data, switch, what if asked else None))
        return lane
