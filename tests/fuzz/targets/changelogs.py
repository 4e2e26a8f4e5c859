"""Changelog rows: what a takeover reads."""

from __future__ import annotations

import msgspec

from flrouter.core.shard import Shard
from flrouter.core.state.table import TABLES
from flrouter.core.values import peers
from flrouter.core.values.inputs import Told
from flrouter.messages import names
from flrouter.messages.forms import build
from flrouter.runtime.state.reading import put
from tests.core.world import FLOW, INBOUND
from tests.fuzz import script
from tests.fuzz.field import CATALOG, FLS, PARTITIONS, RULES, SWITCHES, Field, shown

#: tables that there were when the first inputs were kept.
FIRST_TABLES = 5


def changelogs(data: bytes) -> None:
    """A part is a row: its shard and table in one number, its key, its value. Only `put`'s own
    errors come out, and shards that took the rows work on, however little they fit each other.
    """
    field = Field()
    for part in script.read(data):
        at = part.number(0, PARTITIONS * len(TABLES))
        # The tables that came later have the numbers after: what was kept before means what it did.
        first = PARTITIONS * FIRST_TABLES
        number, table = divmod(at, FIRST_TABLES)
        if at >= first:
            number, table = divmod(at - first, len(TABLES) - FIRST_TABLES)
            table += FIRST_TABLES
        name = list(TABLES)[table]
        key = " ".join(part.words[1:]).encode()
        core = Shard(number, RULES, CATALOG)
        try:
            put(core, name, key, part.value)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return  # the takeover stops here, and says so
        rows = field.kept[number].setdefault(name, {})
        row = getattr(core.context, name).get(key.decode())
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = msgspec.msgpack.encode(row)
    for number in range(PARTITIONS):
        field.take_over(number)
    _work_on(field)
    for number in range(PARTITIONS):
        field.take_over(number)
        msgspec.json.encode(shown(field.shards[number]))


def _work_on(field: Field) -> None:
    """Both FLs are added and speak of both switches, commands come, and time passes."""
    for floodlight in FLS:
        home = field.shards[0].context.home(floodlight)
        field.give(home, [Told(peers.AddFloodlight(floodlight))])
    for state in ("ADDED", "REMOVED", "ACTIVATED"):
        for switch, floodlight in zip(SWITCHES, reversed(FLS), strict=True):
            home = field.shards[0].context.home(switch)
            field.say(floodlight, build.switch_event(switch, state, "event", field.now), home)
            payload = {"clazz": FLOW, "switch_id": switch}
            asked = build.message(names.COMMAND, payload, "asked", field.now)
            field.command(script.Record(INBOUND, home, field.place(), asked, (), field.now))
        field.wait(1_500)
    field.alive()
    for ms in (1_000, 20_000, 1_000_000):
        field.wait(ms)
