"""Roles: whether this FL may change a switch, as the switch itself has it."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import Any

from flrouter.speaker.openflow.connection import Connection, Refused
from flrouter.speaker.openflow.wire import DESC, messages, of


class Mode(StrEnum):
    """What this FL may do; the values are the switch events that report it."""

    READ_WRITE = "ACTIVATED"
    READ_ONLY = "ADDED"


class Role(StrEnum):
    """What to ask each switch for."""

    #: like its other controllers: all may change it, and the router chooses who does.
    EQUAL = "equal"
    #: alone: its other controllers become slaves.
    MASTER = "master"
    #: only to watch.
    SLAVE = "slave"


_CODES = {
    Role.EQUAL: of.OFPCR_ROLE_EQUAL,
    Role.MASTER: of.OFPCR_ROLE_MASTER,
    Role.SLAVE: of.OFPCR_ROLE_SLAVE,
}


async def take(connection: Connection, role: Role) -> Mode:
    """Ask for a role; what the switch then lets this FL do.

    Raises:
        Refused, Silent, Disconnected: it has none to give, or does not answer.
    """
    # Who asks later is newer: a switch refuses a generation that is behind the last one it saw.
    generation = int(time.time() * 1000)
    try:
        return await _ask(connection, _CODES[role], generation)
    except Refused as refused:
        error = refused.error
        if (error.type, error.code) != (of.OFPET_ROLE_REQUEST_FAILED, of.OFPRRFC_STALE):
            raise
    # Another controller counts otherwise, or its clock is ahead: go on from where it was.
    (reply,) = await connection.ask(messages.OFPRoleRequest(DESC, of.OFPCR_ROLE_NOCHANGE, 0))
    return await _ask(connection, _CODES[role], (reply.generation_id + 1) & ((1 << 64) - 1))


async def look(connection: Connection) -> Mode:
    """What the switch lets this FL do now: another controller may have become its master.

    Raises:
        Silent, Disconnected: it does not answer.
    """
    try:
        return await _ask(connection, of.OFPCR_ROLE_NOCHANGE, 0)
    except Refused:
        return Mode.READ_WRITE  # a switch that has no roles


async def _ask(connection: Connection, role: int, generation: int) -> Mode:
    replies: list[Any] = await connection.ask(messages.OFPRoleRequest(DESC, role, generation))
    slave = replies[-1].role == of.OFPCR_ROLE_SLAVE
    return Mode.READ_ONLY if slave else Mode.READ_WRITE
