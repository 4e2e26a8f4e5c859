"""Faults on demand: errors of a simulated FL, for all its switches or for some."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from flrouter.messages.switch_id import canonical


class BadFault(ValueError):
    """There is no such fault, or it cannot be set like this; the text lists the faults."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What goes wrong with the commands of a switch; by default, nothing."""

    #: neither ack nor answer; the command is not carried out, and not remembered.
    silent: bool = False
    #: more latency, in ms.
    slow: float = 0.0
    #: an answer, but no ack.
    no_ack: bool = False
    #: an ack, but no answer; the command is carried out.
    no_answer: bool = False
    #: how many more times each answer is sent.
    duplicates: int = 0
    #: answers of several messages stop in the middle; the first message always comes.
    half_chain: bool = False


FLAWLESS = Behaviour()

#: the names of faults that can be set per switch.
PER_SWITCH = tuple(field.name for field in fields(Behaviour))
#: those of the FL as a whole: cut off from Kafka; null keys and random partitions; no answer to
#: AliveRequests; the end of the process.
WHOLE = ("cut", "null_keys", "no_alive", "crash")


class Faults:
    """The faults that are set. Those of one switch win over those of the whole FL."""

    def __init__(self) -> None:
        self._all = FLAWLESS
        self._own: dict[str, dict[str, bool | float]] = {}

    def set(self, fault: str, value: bool | float = True, switch: str | None = None) -> None:
        """Set a fault; False or 0 ends it.

        Args:
            fault: a field of `Behaviour`.
            value: ms for `slow`, a number for `duplicates`, True or False for all others.
            switch: the one switch that has the fault; None: all switches.

        Raises:
            BadFault: there is no such fault.
            BadSwitchId: `switch` is no switch id.
        """
        if fault not in PER_SWITCH:
            raise BadFault(f"{fault!r} is no fault: there are {', '.join((*PER_SWITCH, *WHOLE))}")
        typed: bool | float = type(getattr(FLAWLESS, fault))(value)
        if typed < 0:
            raise BadFault(f"{fault} cannot be {value!r}: expected a number from 0")
        if switch is None:
            self._all = replace(self._all, **{fault: typed})  # type: ignore[arg-type]
        else:
            self._own.setdefault(canonical(switch), {})[fault] = typed

    def clear(self, switch: str | None = None) -> None:
        """End all faults of `switch`; None: all faults."""
        if switch is None:
            self._all = FLAWLESS
            self._own.clear()
        else:
            self._own.pop(canonical(switch), None)

    def of(self, switch: str | None) -> Behaviour:
        """What goes wrong with the commands of `switch` (canonical), or with those without one."""
        own = self._own.get(switch or "")
        return replace(self._all, **own) if own else self._all  # type: ignore[arg-type]
