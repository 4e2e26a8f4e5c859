"""`flrouter floodlight`: FLs come and go while the router runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import click
import msgspec

from flrouter import kinds
from flrouter.cli import Group
from flrouter.cli.completion import FLOODLIGHT
from flrouter.cli.kafka import explained, partition_counts, write
from flrouter.cli.orders import remember
from flrouter.cli.output import json_option, show_message
from flrouter.core.values import peers
from flrouter.core.values.records import Floodlight
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings
from flrouter.settings.model import Settings

#: s; time limit for a broker to answer, and for the router to act. On the embedded broker, an FL
#: added just before may still cost the router a rebalance of some 5 s.
ORDER_TIMEOUT_S = 30.0

#: FL → shard → what the shard knows of it.
Copies = dict[str, dict[int, Floodlight]]


@click.group(cls=Group)
def floodlight() -> None:
    """Add and remove FLs."""


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
    settings = load_settings()
    _check(settings, name)
    with explained(settings):
        copies = _all_copies(settings)
        if not _is_known(copies, name):
            others = ", ".join(other for other in sorted(copies) if _is_known(copies, other))
            raise Failure(f"the router does not know {name}; it knows {others or 'none'}")
        order = peers.RemoveFloodlight(name)
        _tell(settings, name, order, lambda copies: not _is_known(copies, name))
        show_message(f"{name} is removed", as_json)


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


def _all_copies(settings: Settings) -> Copies:
    """As they lie in the router's own changelogs.

    Raises:
        Failure: there never was such a router.
    """
    from flrouter.kafka.cluster.topics import Wanted, changelog, provide

    table = Wanted(changelog(settings, "floodlights"), exact=True)
    count = partition_counts(settings).get(table.name)
    if count is None:
        raise Failure(
            f"no router with app id {settings.app_id!r} has ever run on {settings.broker}:"
            " start one with `flrouter worker`, or set FLROUTER_APP_ID"
        )
    if count != settings.partitions:
        provide(settings, [table])  # creates no topic, and refuses an unsuitable one
    return _read_copies(settings)


def _read_copies(settings: Settings) -> Copies:
    from flrouter.runtime.state.reading import read_tables

    copies: Copies = {}

    def take(shard: int, name: str, row: bytes | None) -> None:
        if row is not None:
            copies.setdefault(name, {})[shard] = msgspec.msgpack.decode(row, type=Floodlight)

    read_tables(settings, {"floodlights": take})
    return copies


def _is_known(copies: Copies, name: str) -> bool:
    """Whether any shard routes to the FL."""
    return any(copy.known for copy in copies.get(name, {}).values())


def _add(settings: Settings, name: str, acks: bool) -> str:
    from flrouter.kafka.cluster.topics import of_floodlight, of_router, provide

    def is_routed(copies: Copies) -> bool:
        """Whether all shards route to the FL, and wait for its acks exactly if `acks`."""
        mine = copies.get(name, {}).values()
        return len(mine) == settings.partitions and all(
            copy.known and copy.acks == acks for copy in mine
        )

    partition_counts(settings)  # fails at once without a broker
    provide(settings, of_router(settings))
    copies = _all_copies(settings)
    for other in copies:
        alike = other != name and kinds.metric_name(other) == kinds.metric_name(name)
        if alike and _is_known(copies, other):
            raise Failure(f"{name} and {other} would share their topics: choose another id")
    provide(settings, of_floodlight(settings, name))
    if is_routed(copies):
        return f"{name} is known already"
    _tell(settings, name, peers.AddFloodlight(name, acks), is_routed)
    return f"{name} is known to the router"


def _tell(settings: Settings, name: str, order: peers.Peer, done: Callable[[Copies], bool]) -> None:
    """Send an order to the FL's home shard, and wait until every shard has acted on it."""
    write(settings, [peers.order(settings.shards_topic, settings.partitions, name, order)])
    verb = "add" if isinstance(order, peers.AddFloodlight) else "remove"
    remember(settings, verb, floodlight=name)
    until = time.monotonic() + ORDER_TIMEOUT_S
    while not done(_read_copies(settings)):
        if time.monotonic() > until:
            raise Failure(
                f"no worker of {settings.app_id!r} has acted on it within {ORDER_TIMEOUT_S:.0f} s;"
                f" the order is kept in {settings.shards_topic} and takes effect when one runs:"
                " `flrouter worker`"
            )
        time.sleep(0.2)
