"""The commands that the requester sends, made from the samples in `commands.toml`."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from enum import Enum
from importlib.resources import files
from itertools import accumulate
from typing import Literal, Protocol

import msgspec

from flrouter import profiles
from flrouter.messages.kinds.catalog import Catalog, Done


class ExpectedAnswer(Enum):
    """What answers a command; `commands.toml` explains each."""

    ONCE = "once"
    EACH = "each"
    SYNC = "sync"
    ERROR = "error"


class Sample(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One `[[command]]` entry of `commands.toml`, where the fields are explained."""

    sample: str
    share: int
    answer: ExpectedAnswer
    message: str
    every: float | None = None


class DemoCommand(msgspec.Struct, frozen=True):
    """A command of the demo's requester, ready to be sent."""

    correlation_id: str
    answer: ExpectedAnswer
    #: the switch that the command names; None for a command to every FL.
    switch: str | None
    value: bytes
    #: the inbound topic for commands of this kind; empty: the first one.
    inbound: str = ""


_KIND = re.compile(r"org\.openkilda\.messaging\.command\.\w+\.\w+")
_CORRELATION_ID = re.compile(r'"correlation_id": "[^"]*"')
#: flows of one switch: just enough that a dump of its rules becomes a chain.
_FLOWS_PER_SWITCH = 120


def samples() -> list[Sample]:
    """All samples."""
    data = files("flrouter.demo.traffic").joinpath("commands.toml").read_bytes()
    return msgspec.toml.decode(data, type=dict[Literal["command"], list[Sample]])["command"]


class Draw(Protocol):
    """A source of commands."""

    def at(self, elapsed: float) -> DemoCommand:
        """The next command, `elapsed` seconds after the start."""

    def probe(self, switch: str) -> DemoCommand:
        """A harmless command for `switch`."""


class SampleCommands:
    """Draws commands in the proportions that the samples give, spread over the switches."""

    def __init__(
        self, switches: Sequence[str], prefix: str, catalog: Catalog | None = None
    ) -> None:
        """Correlation ids begin with `prefix`. Kinds without an answer are not sent."""
        self._catalog = catalog or profiles.load("plain").catalog({})
        answered = [sample for sample in samples() if self._is_answered(sample)]
        self._drawn = [sample for sample in answered if sample.every is None]
        self._shares = list(accumulate(sample.share for sample in self._drawn))
        self._timed = [sample for sample in answered if sample.every is not None]
        self._next = [0.4 * (sample.every or 0) for sample in self._timed]
        self._switches = switches
        self._prefix = prefix
        self._count = 0
        self._chance = random.Random(1)

    def at(self, elapsed: float) -> DemoCommand:
        """The next command, `elapsed` seconds after the start."""
        for number, sample in enumerate(self._timed):
            if self._next[number] <= elapsed:
                self._next[number] += sample.every or 0
                return self.make(sample, None)
        sample = self._chance.choices(self._drawn, cum_weights=self._shares)[0]
        return self.make(sample, self._chance.choice(self._switches))

    def probe(self, switch: str) -> DemoCommand:
        """A harmless command for `switch`."""
        return self.make(next(one for one in self._drawn if one.sample.startswith("14-")), switch)

    def _is_answered(self, sample: Sample) -> bool:
        entry = self._catalog.command(_kind(sample))
        return sample.answer is ExpectedAnswer.ERROR or entry.done is not Done.NONE

    def make(self, sample: Sample, switch: str | None) -> DemoCommand:
        """`sample` for `switch`, under a new correlation id."""
        self._count += 1
        correlation_id = f"{self._prefix}-{self._count}"
        cookie = self._chance.randrange(_FLOWS_PER_SWITCH)
        text = sample.message.strip().replace("{cookie}", str(cookie))
        text = text.replace("{flow}", f"flow-{cookie}").replace("{switch}", switch or "")
        text = text.replace("{hex}", "0x" + (switch or "").replace(":", ""))
        field = f'"correlation_id": "{correlation_id}"'
        if _CORRELATION_ID.search(text):
            text = _CORRELATION_ID.sub(field, text)
        else:
            text = text.replace("{", "{\n  " + field + ",", 1)
        inbound = self._catalog.command(_kind(sample)).inbound
        return DemoCommand(correlation_id, sample.answer, switch, text.encode(), inbound)


def _kind(sample: Sample) -> str:
    """The class of a sample's payload: the first one in the text, as some samples are malformed."""
    kind = _KIND.search(sample.message)
    return kind[0] if kind is not None else ""
