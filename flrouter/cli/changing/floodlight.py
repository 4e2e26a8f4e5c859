"""`flrouter floodlight`: FLs come and go while the router runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from flrouter import kinds
from flrouter.cli import Group
from flrouter.cli.completion import FLOODLIGHT
from flrouter.cli.kafka import explained, partition_counts, write
from flrouter.cli.output import condition, json_option, show, show_message
from flrouter.cli.router import Row
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings
from flrouter.settings.model import Settings

if TYPE_CHECKING:
    from flrouter.cli.changing.known import Known
    from flrouter.core.values.peers import Peer

#: s; time limit for a broker to answer, and for the router to act. On the embedded broker, an FL
#: added just before may still cost the router a rebalance of some 5 s.
ORDER_TIMEOUT_S = 30.0


@click.group(cls=Group)
def floodlight() -> None:
    """Add and remove FLs, and list those that the router knows."""


@floodlight.command()
@click.argument("name", metavar="ID")
@click.option("--no-ack", is_flag=True, help="It cannot acknowledge commands.")
@json_option
def add(name: str, no_ack: bool, as_json: bool) -> None:
    """Route to the FL ID from now on; its topics are made when they are missing."""
    settings = load_settings()
    _check(settings, name)
    problem = settings.problem_of(name)
    if problem is not None:
        raise Failure(f"{name} can be no FL's id: {problem}: choose another", BAD_USAGE_STATUS)
    acks = not no_ack and bool(settings.speaks.acknowledges)
    with explained(settings):
        show_message(_add(settings, name, acks=acks), as_json)


@floodlight.command()
@click.argument("name", metavar="ID", type=FLOODLIGHT)
@json_option
def remove(name: str, as_json: bool) -> None:
    """Route to the FL ID no more: what is pending there is answered, its switches move."""
    from flrouter.core.values.peers import RemoveFloodlight

    settings = load_settings()
    _check(settings, name)
    with explained(settings):
        before = _known(settings)
        if name not in before or before[name].gone:
            others = ", ".join(row["id"] for row in _rows(before)) or "none"
            raise Failure(f"the router does not know {name}; it knows {others}")
        _tell(settings, name, RemoveFloodlight(name), lambda known: known[name].gone)
        show_message(f"{name} is removed", as_json)


@floodlight.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the FLs that the router knows: state, and for how many switches each is active."""
    settings = load_settings()
    with explained(settings):
        rows = _rows(_known(settings))
    show(as_json, rows, ("floodlight", "state", "acks", "switches>"), map(_cells, rows))


def _cells(row: Row) -> Sequence[object]:
    acks = "yes" if row["acks"] else "no"
    return row["id"], condition(row["state"], heard=row["heard"]), acks, row["switches"]


def _rows(known: dict[str, Known]) -> list[Row]:
    return [
        {
            "id": name,
            "state": one.newest.condition,
            "heard": one.newest.heard,
            "acks": one.newest.acks,
            "switches": one.switches,
        }
        for name, one in sorted(known.items())
        if one.newest.known
    ]


def _check(settings: Settings, name: str) -> None:
    """Refuse a name that cannot be the id of an FL."""
    try:
        kinds.floodlight_id(name)
        for topic in (*settings.fl_topics.read_by(name), *settings.fl_topics.written_by(name)):
            kinds.topic.read(topic)
    except kinds.Refused as error:
        raise Failure(
            str(error) or f"{name!r} is too long for an FL's id", BAD_USAGE_STATUS
        ) from error


def _known(settings: Settings) -> dict[str, Known]:
    from flrouter.cli.changing.known import known
    from flrouter.kafka.cluster.topics import Wanted, changelog, provide

    tables = [
        Wanted(changelog(settings, table), exact=True) for table in ("floodlights", "switches")
    ]
    there = partition_counts(settings)
    counts = {there.get(table.name) for table in tables}
    if None in counts:
        raise Failure(
            f"no router with app id {settings.app_id!r} has ever run on {settings.broker}:"
            " start one with `flrouter worker`, or set FLROUTER_APP_ID"
        )
    if counts != {settings.partitions}:
        provide(settings, tables)  # creates no topic, and refuses unsuitable ones
    return known(settings)


def _add(settings: Settings, name: str, acks: bool) -> str:
    from flrouter.core.values.peers import AddFloodlight
    from flrouter.kafka.cluster.topics import of_floodlight, of_router, provide

    def routed(known: dict[str, Known]) -> bool:
        return name in known and known[name].routed(acks, settings.partitions)

    partition_counts(settings)  # fails at once without a broker
    provide(settings, of_router(settings))
    before = _known(settings)
    for other, one in before.items():
        alike = other != name and kinds.metric_name(other) == kinds.metric_name(name)
        if alike and not one.gone:
            raise Failure(f"{name} and {other} would share their topics: choose another id")
    provide(settings, of_floodlight(settings, name))
    if routed(before):
        return f"{name} is known already"
    _tell(settings, name, AddFloodlight(name, acks), routed)
    return f"{name} is known to the router"


def _tell(
    settings: Settings, name: str, order: Peer, done: Callable[[dict[str, Known]], bool]
) -> None:
    """Send an order to the FL's home shard, and wait until every shard has acted on it."""
    from flrouter.cli.changing.known import known
    from flrouter.cli.orders import remember
    from flrouter.core.values import peers

    write(settings, [peers.order(settings.shards_topic, settings.partitions, name, order)])
    verb = "add" if isinstance(order, peers.AddFloodlight) else "remove"
    remember(settings, verb, floodlight=name)
    until = time.monotonic() + ORDER_TIMEOUT_S
    while not done(known(settings)):
        if time.monotonic() > until:
            raise Failure(
                f"no worker of {settings.app_id!r} has acted on it within {ORDER_TIMEOUT_S:.0f} s;"
                f" the order is kept in {settings.shards_topic} and takes effect when one runs:"
                " `flrouter worker`"
            )
        time.sleep(0.2)
