"""Roles: whether a switch lets this FL change it."""

from __future__ import annotations

import contextlib
from enum import StrEnum
from typing import Any

from flrouter.speaker.openflow.switches.connection import Connection, Refused
from flrouter.speaker.openflow.switches.wire import DESC, messages, of
from flrouter.speaker.sync import Mode


class Role(StrEnum):
    """The role to request from each switch."""

    #: all controllers may change the switch, and the router chooses which one does.
    EQUAL = "equal"
    #: only this FL may change the switch: its other controllers become slaves.
    MASTER = "master"
    #: this FL only watches.
    SLAVE = "slave"


_ALL_BITS = (1 << 64) - 1
#: looks without a new generation after which the master of a switch counts as gone.
MAX_MISSED_LOOKS = 3


class Election:
    """This FL's part in the election of a switch's master, who holds a lease.

    The switch keeps a number, the generation, and refuses a master with a lower one. The master
    raises the generation at each look. A slave that sees the generation stand still takes over.
    """

    def __init__(self, connection: Connection, role: Role, interval_s: float) -> None:
        """Args:
        interval_s: how often all FLs of the switch look.
        """
        self._connection = connection
        self._role = role
        self._patience_s = MAX_MISSED_LOOKS * interval_s
        self._generation = -1
        self._since_s = 0.0

    async def take(self) -> Mode:
        """Request the role; returns what the switch then lets this FL do.

        Raises:
            UNANSWERED: the switch has no roles, or does not answer.
        """
        if self._role is Role.EQUAL:  # every new connection is, even without roles
            return Mode.READ_WRITE
        reply = await self._ask(of.OFPCR_ROLE_NOCHANGE, 0)
        return await self._claim(reply.generation_id)

    async def look(self, now_s: float) -> Mode:
        """What the switch lets this FL do now: another controller may have become its master.

        Raises:
            UNANSWERED: the switch does not answer.
        """
        try:
            reply = await self._ask(of.OFPCR_ROLE_NOCHANGE, 0)
        except Refused:
            return Mode.READ_WRITE  # a switch that has no roles
        if self._role is Role.MASTER and self._is_due(reply, now_s):
            with contextlib.suppress(Refused):  # another FL has raised it meanwhile
                return await self._claim(reply.generation_id)
        return _mode(reply)

    def _is_due(self, reply: Any, now_s: float) -> bool:
        """Whether to claim the switch: this FL is the master, or there is no master."""
        if reply.generation_id != self._generation:
            self._generation, self._since_s = reply.generation_id, now_s
        return reply.role == of.OFPCR_ROLE_MASTER or now_s - self._since_s >= self._patience_s

    async def _claim(self, generation: int) -> Mode:
        # Counting on from the switch's own generation needs no synchronised clocks.
        step = 1 if self._role is Role.MASTER else 0
        code = getattr(of, f"OFPCR_ROLE_{self._role.name}")
        return _mode(await self._ask(code, (generation + step) & _ALL_BITS))

    async def _ask(self, role: int, generation: int) -> Any:
        request = messages.OFPRoleRequest(DESC, role, generation)
        return (await self._connection.ask(request))[-1]


def _mode(reply: Any) -> Mode:
    return Mode.READ_ONLY if reply.role == of.OFPCR_ROLE_SLAVE else Mode.READ_WRITE
