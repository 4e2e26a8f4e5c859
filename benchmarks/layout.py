"""The layout of one contender: its topics, its FLs, and which switch is at which FL.

The harness hands it to every process in the environment, whatever language that is written in.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping

_PREFIX = "BENCH_"


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a contender, its requester and its FLs have to agree on."""

    #: `host:port,host:port`.
    broker: str
    #: the beginning of all names that this contender uses.
    name: str
    #: how flrouter's settings name it: `kafka`, or `tansu` for the embedded broker.
    scheme: str = "kafka"
    #: of every topic.
    partitions: int = 8
    floodlights: int = 4
    switches: int = 1_000
    #: the profile that names flrouter's topics; none when settings do.
    profile: str = ""
    #: 1: flrouter writes its history; 0: it does not.
    history: int = 0

    @property
    def url(self) -> str:
        """The broker, as FLROUTER_BROKER wants it."""
        return f"{self.scheme}://{self.broker}"

    @property
    def inbound(self) -> str:
        """Where the requester writes commands."""
        return f"{self.name}.speaker"

    @property
    def answers(self) -> str:
        """Where the requester reads answers."""
        return f"{self.name}.flow"

    @property
    def floodlight_ids(self) -> list[str]:
        """The FLs."""
        return [f"fl-{number}" for number in range(self.floodlights)]

    def read_topic(self, floodlight: str) -> str:
        """What an FL reads."""
        return f"{self.name}.fl.{floodlight}.read"

    def write_topic(self, floodlight: str) -> str:
        """What an FL writes."""
        return f"{self.name}.fl.{floodlight}.write"

    @property
    def read_topics(self) -> list[str]:
        """What the FLs read, in the order of their ids."""
        return [self.read_topic(floodlight) for floodlight in self.floodlight_ids]

    @property
    def write_topics(self) -> list[str]:
        """What the FLs write, in the order of their ids."""
        return [self.write_topic(floodlight) for floodlight in self.floodlight_ids]

    @property
    def topics(self) -> list[str]:
        """All that must exist before anybody starts."""
        return [self.inbound, self.answers, *self.read_topics, *self.write_topics]

    def floodlight_of(self, switch: int) -> int:
        """The index of the FL that holds switch number `switch`.

        It is the switch id's last byte modulo the number of FLs, which is a power of two: so
        contenders without a switch map know it too.
        """
        return switch % self.floodlights

    def environment(self) -> dict[str, str]:
        """As environment variables, `BENCH_…`."""
        return {
            f"{_PREFIX}{name.upper()}": str(value)
            for name, value in dataclasses.asdict(self).items()
        }


def from_environment(environ: Mapping[str, str] = os.environ) -> Layout:
    """What :meth:`Layout.environment` wrote."""
    given = {
        field.name: environ[f"{_PREFIX}{field.name.upper()}"]
        for field in dataclasses.fields(Layout)
    }
    numbers = ("partitions", "floodlights", "switches", "history")
    return Layout(**{k: int(v) if k in numbers else v for k, v in given.items()})  # type: ignore[arg-type]
