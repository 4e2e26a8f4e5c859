"""Stand-ins for OpenKilda's Floodlights: their topics, forms and habits.

Written from docs/decisions/openkilda.md; they take only what OpenKilda's classes take.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tests.openkilda.field import Field
from tests.openkilda.schemas import faults
from tests.support.clients import Reading, Record, Writer
from tests.support.plain import CHUNK, ERROR, INFO, O, now_ms

Payload = dict[str, Any]
API = "org.openkilda.floodlight.api"


class Floodlight2019(Reading):
    """One region of 75a888a076. It acknowledges nothing."""

    version = "2019"

    def __init__(self, field: Field, region: str, switches: Sequence[str]) -> None:
        """Start to read, and report its switches."""
        reads = [one.read for one in field.profile.inbound]
        topics = dict.fromkeys(topic.replace("{fl}", region) for topic in reads)
        super().__init__(field.bootstrap, topics)
        self._field = field
        self.region = region
        self.switches = list(switches)
        #: what it could not read, and why: it says nothing of that to anybody.
        self.refused: list[tuple[Record, list[str]]] = []
        #: what it did not even look at, as it had not the header that it must have.
        self.dropped: list[Record] = []
        #: the kinds of commands that it took, in their order.
        self.took: list[str] = []
        #: switches that it may only read.
        self.observed: list[str] = []
        #: does not answer commands; alive messages and syncs it does.
        self.mute = False
        self._producer = Writer(field.bootstrap)
        field.on_close(self.close)
        self.start()
        for switch in self.switches:
            self.say_switch(switch, "ACTIVATED")

    def close(self) -> None:
        """End it."""
        try:
            self.stop()
        finally:
            self._producer.close()

    # -- what it writes

    def write(self, topic: str, message: Payload, key: str | None = None) -> None:
        """A record on one of its topics, by OpenKilda's name without the region."""
        name = f"{self._field.named(topic)}_{self.region}"
        value = json.dumps(message).encode()
        name_bytes = key.encode() if key else None
        self._producer.send(name, value=value, key=name_bytes, headers=self._field.headers)

    def say(
        self, topic: str, payload: Payload, correlation_id: str, key: str | None = None
    ) -> None:
        """An InfoMessage."""
        self.write(topic, {**self._envelope(INFO, correlation_id), "payload": payload}, key)

    def say_switch(self, switch: str, state: str) -> None:
        """A switch came or went."""
        payload: Payload = {
            "clazz": f"{O}.info.event.SwitchInfoData",
            "timestamp": now_ms(),
            "switch_id": switch,
            "state": state,
            "under_maintenance": False,
        }
        if state in ("ACTIVATED", "ADDED"):
            payload["switch"] = self.record(switch)
        self.say("kilda.topo.disco", payload, f"event {switch} {now_ms()}", switch)

    def record(self, switch: str) -> Payload:
        """A switch, as events and dumps have it."""
        return {
            "datapath": switch,
            "switch-socket": "10.0.0.9:41000",
            "speaker-socket": "10.0.0.1:6653",
            "OF-version": "OF_13",
            "description": None,
            "features": ["METERS"],
            "ports": [{"number": 1, "state": "UP"}],
        }

    def _envelope(self, clazz: str, correlation_id: str) -> Payload:
        return {
            "clazz": clazz,
            "timestamp": now_ms(),
            "correlation_id": correlation_id,
            "region": self.region,
        }

    def fail(self, topic: str, correlation_id: str, text: str) -> None:
        """An error; these have no region."""
        envelope = self._envelope(ERROR, correlation_id)
        del envelope["region"]
        payload = {
            "clazz": f"{O}.error.ErrorData",
            "timestamp": now_ms(),
            "error-type": "NOT_FOUND",
            "error-message": text,
            "error-description": text,
        }
        self.write(topic, {**envelope, "payload": payload}, correlation_id)

    # -- what it reads

    def on_record(self, record: Record) -> None:
        """Handle a command, if its classes can read it."""
        if not self._field.has_headers(record):
            self.dropped.append(record)
            return
        found = faults(self.version, record.message)
        if found:
            self.refused.append((record, found))
            return
        if "message_context" in record.message:
            self.took.append(record.message["clazz"].rpartition(".")[2])
            if not self.mute:
                self.handle_abstract(record.message, record.topic)
            return
        kind = record.payload["clazz"].rpartition(".")[2]
        correlation_id = record.message["correlation_id"]
        if kind == "AliveRequest":
            payload = {
                "clazz": f"{O}.AliveResponse",
                "timestamp": now_ms(),
                "region": self.region,
                "failed_messages": 0,
            }
            self.say("kilda.topo.disco", payload, correlation_id)
        elif kind == "NetworkCommandData":
            self.dump(record.payload, correlation_id)
        else:
            self.took.append(kind)
            if not self.mute:
                self.handle(kind, record, correlation_id)

    def dump(self, _: Payload, correlation_id: str) -> None:
        """All switches, as a chain; of no switches there is nothing to say."""
        for index, switch in enumerate(self.switches):
            envelope = self._envelope(CHUNK, correlation_id)
            envelope |= {
                "message_id": f"{index} : {correlation_id}",
                "total_messages": len(self.switches),
            }
            payload = {
                "clazz": f"{O}.info.discovery.NetworkDumpSwitchData",
                "timestamp": now_ms(),
                "switch_record": self.record(switch),
            }
            self.write("kilda.topo.disco", {**envelope, "payload": payload}, correlation_id)

    def handle_abstract(self, message: Payload, topic: str) -> None:
        """Carry out a command of the second envelope; in 2019 nothing is answered so."""

    def handle(self, kind: str, record: Record, correlation_id: str) -> None:
        """Answer a command, on the topic that its kind has."""
        payload = record.payload
        if kind in ("PortsCommandData", "StatsRequest"):
            self.tell_ports(payload, correlation_id)
            return
        if kind == "BatchInstallRequest":
            return  # it installs the rules, and says nothing of it
        if kind == "PingRequest":  # it arrived; whoever tells that knows the ping alone
            correlation_id = payload["ping"]["ping_id"]
        topic, answer = self.answers()[kind]
        switch = payload.get("switch_id", self.switches[0] if self.switches else "")
        if switch not in self.switches and kind != "ConnectModeRequest":
            self.fail(topic, correlation_id, f"Switch {switch} not found")
        elif answer is None:
            self.write(topic, record.message)  # the command itself says that it was done
        else:
            self.say(topic, answer(payload), correlation_id, correlation_id)

    def tell_ports(self, payload: Payload, correlation_id: str) -> None:
        """One message for each switch, and nothing that says that there are no more."""
        for switch in self.switches:
            found = {
                "clazz": f"{O}.info.stats.SwitchPortStatusData",
                "timestamp": now_ms(),
                "switch_id": switch,
                "ports": [{"id": 1, "status": "UP"}],
                "requester": payload.get("requester"),
            }
            self.say("kilda.stats", found, correlation_id)

    def answers(self) -> dict[str, tuple[str, Callable[[Payload], Payload] | None]]:
        """Kind → where its answer goes, and what it is; None for the command itself."""
        flows = ("kilda.flow", None)
        rules = self._one("rule.SwitchFlowEntries", "flows")
        meters = self._one("meter.SwitchMeterEntries", "meters")
        return {
            "InstallIngressFlow": flows,
            "InstallTransitFlow": flows,
            "RemoveFlow": flows,
            "DumpRulesRequest": ("kilda.northbound", rules),
            "DumpMetersRequest": ("kilda.northbound", meters),
            "DumpRulesForSwitchManagerRequest": ("kilda.topo.switch.manager", rules),
            "DumpMetersForSwitchManagerRequest": ("kilda.topo.switch.manager", meters),
            "ValidateRulesRequest": ("kilda.topo.nb", rules),
            "ConnectModeRequest": ("kilda.northbound", self._connect_mode),
            "PingRequest": ("kilda.ping", self._ping),
            "DiscoverIslCommandData": ("kilda.topo.disco", self._discovered),
        }

    def _one(self, clazz: str, entries: str) -> Callable[[Payload], Payload]:
        def make(payload: Payload) -> Payload:
            return {
                "clazz": f"{O}.info.{clazz}",
                "timestamp": now_ms(),
                "switch_id": payload["switch_id"],
                entries: [],
            }

        return make

    def _connect_mode(self, payload: Payload) -> Payload:
        clazz = f"{O}.info.switches.ConnectModeResponse"
        return {"clazz": clazz, "timestamp": now_ms(), "connect_mode": payload["connect_mode"]}

    def _ping(self, payload: Payload) -> Payload:
        return {
            "clazz": f"{O}.floodlight.response.PingResponse",
            "timestamp": now_ms(),
            "ping_id": payload["ping"]["ping_id"],
            "error": None,
            "meters": {"network_latency": 5, "sender_latency": 1, "recipient_latency": 1},
        }

    def _discovered(self, payload: Payload) -> Payload:
        return {
            "clazz": f"{O}.info.discovery.DiscoPacketSendingConfirmation",
            "timestamp": now_ms(),
            "endpoint": {"switch-id": payload["switch_id"], "port-id": payload["port_number"]},
            "packetId": payload["packetId"],
        }


class FloodlightOf2025(Floodlight2019):
    """One region of 9e8eec3737."""

    version = "HEAD"
    #: where commands of the second envelope come in → where they are answered.
    services: ClassVar = {
        "kilda.speaker.flow": "kilda.speaker.flowhs.priv.region",
        "kilda.speaker.switch.manager": "kilda.speaker.switch.manager.priv.region",
        "kilda.network.control": "kilda.network.control.response.priv.region",
    }

    def record(self, switch: str) -> Payload:
        """Sockets are objects here, and ports have speeds."""
        return {
            "datapath": switch,
            "switch-socket": {"address": "10.0.0.9", "port": 41000},
            "speaker-socket": {"address": "10.0.0.1", "port": 6653},
            "hostname": "switch-9",
            "OF-version": "OF_13",
            "description": None,
            "features": ["METERS", "GROUPS"],
            "ports": [{"number": 1, "state": "UP", "max_speed": 10, "current_speed": 10}],
        }

    def dump(self, asked: Payload, _: str) -> None:
        """All switches, each under an id of the FL's own, and nothing at their end."""
        for switch in (*self.switches, *self.observed):
            payload = {
                "clazz": f"{O}.info.discovery.NetworkDumpSwitchData",
                "timestamp": now_ms(),
                "switch_record": self.record(switch),
                "dump_id": asked.get("dump_id"),
                "write_mode": switch in self.switches,
            }
            self.say("kilda.topo.disco", payload, f"dump {switch}", switch)

    def __init__(self, field: Field, region: str, switches: Sequence[str]) -> None:
        """Start to read, and report its switches."""
        #: (kind, switches) of each command for all switches.
        self.scopes: list[tuple[str, list[str]]] = []
        super().__init__(field, region, switches)

    def observe(self, switch: str) -> None:
        """A switch is connected to it too, and another region is its master."""
        self.observed.append(switch)
        self.say_switch(switch, "ADDED")

    def say_latency(self, source: str, destination: str) -> None:
        """How long a discovery packet took."""
        payload = {
            "clazz": f"{O}.info.event.IslOneWayLatency",
            "timestamp": now_ms(),
            "src_switch_id": source,
            "src_port_no": 1,
            "dst_switch_id": destination,
            "dst_port_no": 1,
            "latency_ns": 500,
            "packet_id": 4,
        }
        self.say("kilda.topo.isl.latency", payload, f"latency {now_ms()}", source)

    def handle_abstract(self, message: Payload, topic: str) -> None:
        """Answer a command of flow-HS or for rules, to the service whose topic it came from."""
        asked = topic.removesuffix(f"_{self.region}")
        name = next(name for name in self.services if self._field.named(name) == asked)
        answer: Payload = {
            "clazz": f"{API}.response.rulemanager.SpeakerCommandResponse",
            "message_context": message["message_context"],
            "command_id": message["command_id"],
            "switch_id": message.get("switch_id") or message["endpoint"]["switch_id"],
            "success": True,
        }
        if "command_data" in message:
            answer["failed_command_ids"] = {}
        else:
            answer["clazz"] = f"{API}.response.SpeakerFlowSegmentResponse"
            answer["metadata"] = message["metadata"]
        self.write(self.services[name], answer, message["message_context"]["correlation_id"])

    def answer_flow_hs(self, payload: Payload, correlation_id: str) -> None:
        """The rules of a switch in two chunks of the second envelope."""
        for index in range(2):
            found = {
                "clazz": f"{O}.info.flow.FlowDumpResponse",
                "timestamp": now_ms(),
                "switch_id": payload["switch_id"],
                "flow_speaker_data": [],
            }
            message = {
                "clazz": f"{API}.response.ChunkedSpeakerDataResponse",
                "message_context": {"correlation_id": correlation_id, "create_time": now_ms()},
                "message_id": f"{index} : {correlation_id}",
                "total_messages": 2,
                "data": found,
            }
            self.write("kilda.speaker.flowhs.priv.region", message, correlation_id)

    def handle(self, kind: str, record: Record, correlation_id: str) -> None:
        """Some kinds answer in chunks; what has no handler is answered by nobody."""
        payload = record.payload
        if kind == "BroadcastWrapper":
            self.ask_all(payload["scope"], payload["payload"], correlation_id)
        elif kind == "DumpRulesForFlowHsRequest":
            self.answer_flow_hs(payload, correlation_id)
        elif kind == "DumpRulesForSwitchManagerRequest":
            for index in range(2):
                envelope = self._envelope(CHUNK, correlation_id)
                envelope |= {"message_id": f"{index} : {correlation_id}", "total_messages": 2}
                found = {
                    "clazz": f"{O}.info.flow.FlowDumpResponse",
                    "timestamp": now_ms(),
                    "switch_id": payload["switch_id"],
                    "flow_speaker_data": [],
                }
                message = {**envelope, "payload": found}
                self.write("kilda.topo.switch.manager", message, correlation_id)
        elif kind in self.answers():
            super().handle(kind, record, correlation_id)

    def ask_all(self, scope: list[str], payload: Payload, correlation_id: str) -> None:
        """Tell of those switches of the scope that are connected; in whichever mode."""
        kind = payload["clazz"].rpartition(".")[2]
        self.scopes.append((kind, scope))
        for switch in scope:
            if switch not in (*self.switches, *self.observed):
                continue
            found = {"timestamp": now_ms(), "switch_id": switch}
            if kind == "PortsCommandData":
                found |= {
                    "clazz": f"{O}.info.stats.SwitchPortStatusData",
                    "ports": [{"id": 1, "status": "UP"}],
                    "requester": payload["requester"],
                }
                self.say("kilda.stats", found, correlation_id)
            else:
                # Of all statistics, groups alone come under the command's own id.
                for counted, under in (("Port", f"gathered {switch}"), ("Group", correlation_id)):
                    found |= {"clazz": f"{O}.info.stats.{counted}StatsData", "stats": []}
                    self.say("kilda.stats", found, under)

    def answers(self) -> dict[str, tuple[str, Callable[[Payload], Payload] | None]]:
        """Kind → where its answer goes, and what it is."""
        shared = ("DumpRulesRequest", "DumpMetersRequest", "PingRequest", "DiscoverIslCommandData")
        usual = super().answers()
        return {
            **{kind: usual[kind] for kind in shared},
            "SwitchRulesDeleteRequest": ("kilda.topo.switch.manager", self._rules_deleted),
            "MeterModifyCommandRequest": (
                "kilda.topo.nb",
                self._one("meter.SwitchMeterEntries", "meters"),
            ),
            "DeleteMeterRequest": ("kilda.northbound", self._meter_deleted),
        }

    def _rules_deleted(self, _: Payload) -> Payload:
        clazz = f"{O}.info.switches.SwitchRulesResponse"
        return {"clazz": clazz, "timestamp": now_ms(), "rule_ids": [1]}

    def _meter_deleted(self, _: Payload) -> Payload:
        clazz = f"{O}.info.switches.DeleteMeterResponse"
        return {"clazz": clazz, "timestamp": now_ms(), "deleted": True}
