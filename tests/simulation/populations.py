"""The promises to those who ask all switches with one command: each is asked once, by one FL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flrouter.core.values.home import home
from flrouter.core.values.request import Origin, Suffix
from flrouter.messages import names
from flrouter.messages.envelope import decode
from tests.core.floodlight import Written
from tests.core.world import Record

from .promises import Asked, Violation

#: what an FL writes for one: any number of these, and nobody knows the last.
EACH = "each"


class Population(Asked):
    """A command for all switches: which FL was asked for which of them."""

    __slots__ = ("asked_at",)

    def __init__(self, origin: Origin, correlation_id: str | None, topic: str, at: int) -> None:
        super().__init__(origin, correlation_id, topic, "", at)
        #: switch → FLs, one for each time.
        self.asked_at: dict[str, list[str]] = {}

    def forwarded(self, record: Record, suffix: Suffix, floodlight: str, partitions: int) -> None:
        """The router wrote one of its records for an FL."""
        message = record.json
        payload: dict[str, Any] = message["payload"]
        if payload["clazz"] != names.BROADCAST:
            raise Violation("switches are named", f"{self}: {message}")
        for switch in payload["scope"]:
            if home(switch, partitions) != suffix.home:
                raise Violation("each switch is asked once", f"{self}: not {switch}'s home asks it")
            at = self.asked_at.setdefault(switch, [])
            if at and not self.repeats:
                raise Violation("each switch is asked once", f"{self}: {switch}, {at}")
            at.append(floodlight)

    def told(self, record: Record, written: Written | None) -> None:
        """The router wrote something for its requester: what an FL did, or an error."""
        if decode(record.value).correlation_id != self.correlation_id:
            raise Violation("the requester's id", f"{self}: {record}")
        if written is not None and self.events:
            return  # it goes where all events go, whoever tells of it
        if record.topic != self.topic:
            raise Violation("the right topic", f"{self} is answered on {record.topic}")
        asked = {floodlight for at in self.asked_at.values() for floodlight in at}
        if written is None:
            self.finals += 1
            if (asked or self.finals > 1) and not self.repeats:
                raise Violation("one answer", f"{self} has an error, and was sent to {asked}")
        elif written.floodlight not in asked or written.part not in self._allowed:
            raise Violation("only who was asked answers", f"{self} gets {record}, not of {asked}")

    @property
    def _allowed(self) -> set[str]:
        """What may be answered: after a crash, it may have gone to whoever had spoofed it."""
        return {EACH, "spoof"} if self.repeats else {EACH}

    def check(self, holders: Mapping[str, Mapping[str, str]]) -> None:
        """When nothing happens: who holds a switch, and so can answer for it, is asked.

        Args:
            holders: switch → FLs, with the state in which each has it.
        """
        for switch, states in holders.items():
            at = self.asked_at.get(switch, [])
            if "ACTIVATED" in states.values() and (len(at) != 1 or at[0] not in states):
                raise Violation("each switch is asked once", f"{self}: {switch}, {at}, {states}")
