"""Who answers a command: the FL as a whole, or the switch that it is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, TypeVar

from flrouter.clock import now_ms
from flrouter.messages.errors import ErrorType
from flrouter.speaker import payloads
from flrouter.speaker.answers import Answer, Chain, CommandFailed, Each, Info, Payload
from flrouter.speaker.command import Command
from flrouter.speaker.sync import Mode, SwitchRecord


class Switch(Protocol):
    """A switch, of any kind of FL."""

    id: str
    mode: Mode

    def record(self) -> SwitchRecord:
        """The switch's present state."""


AnySwitch = TypeVar("AnySwitch", bound=Switch)
T = TypeVar("T")


def dispatch(
    command: Command, switches: Mapping[str, AnySwitch], on_switch: Callable[[AnySwitch], T]
) -> Answer | T:
    """Answer a command for the FL as a whole, or leave it to `on_switch`.

    Args:
        switches: those that are connected, by canonical id.
        on_switch: carries out the command on its switch.

    Raises:
        CommandFailed: its switch is not connected (NOT_FOUND).
    """
    whole = _WHOLE.get(_kind(command.kind))
    if whole is not None:
        return whole(command.payload, switches.values())
    switch = switches.get(command.switch or "")
    if switch is None:
        raise CommandFailed(
            ErrorType.NOT_FOUND,
            f"switch {command.switch} is not connected",
            f"{command.kind} needs a switch that this floodlight holds",
        )
    return on_switch(switch)


def _kind(clazz: object) -> str:
    return str(clazz).rpartition(".")[2]


def _ports(payload: Payload, switches: Iterable[Switch]) -> Answer:
    now, requester = now_ms(), payload.get("requester")
    return Each([payloads.port_states(switch.record(), requester, now) for switch in switches])


def _broadcast(payload: Payload, switches: Iterable[Switch]) -> Answer:
    """Answer a command for the connected switches in its scope."""
    inner, scope = payload.get("payload") or {}, set(payload.get("scope") or ())
    whole = _WHOLE.get(_kind(inner.get("clazz")))
    return whole(inner, [one for one in switches if one.id in scope]) if whole else Each([])


def _list(_: Payload, switches: Iterable[Switch]) -> Answer:
    now = now_ms()
    return Chain([payloads.switch_event(switch.id, switch.mode.value, now) for switch in switches])


_WHOLE: dict[str, Callable[[Any, Iterable[Switch]], Answer]] = {
    "PortsCommandData": _ports,
    "BroadcastWrapper": _broadcast,
    "StatsRequest": lambda *_: Each([]),  # counters are reported without a request
    # Always, as this FL decides it itself.
    "ConnectModeRequest": lambda *_: Info(
        {"clazz": f"{payloads.INFO}.switches.ConnectModeResponse", "connect_mode": "AUTO"}
    ),
    "GetSwitchesRequest": _list,
}
