"""Changes: each is an order to the shard that it concerns, written to Kafka like any record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from flrouter.core.values import peers
from flrouter.web.api.reading import lists, ones
from flrouter.web.calls import shapes
from flrouter.web.calls.call import Call, Operation, Refusal
from flrouter.web.calls.queries import Floodlights
from flrouter.web.calls.shapes import Accepted, Floodlight

#: s; how long Kafka may take with an order.
ORDER_TIMEOUT_S = 10.0


async def _order(call: Call, orders: dict[str, peers.Peer]) -> None:
    """Write orders to the homes of what they are about. Returns when they are durable."""
    settings = call.app.settings
    sends = [
        peers.order(settings.shards_topic, settings.partitions, about, order)
        for about, order in orders.items()
    ]
    try:
        outcome = await asyncio.wait_for(call.app.shards.write(sends), ORDER_TIMEOUT_S)
    except TimeoutError:
        text = "Kafka did not confirm it in time: check whether it was done, then try again"
        raise Refusal(503, text, {"Retry-After": "5"}) from None
    if outcome.refused:
        text = f"Kafka refused it, so it is not done: {outcome.refused[0].why}"
        raise Refusal(503, text, {"Retry-After": "5"})


async def _floodlight(call: Call, name: str) -> Floodlight:
    return (await ones.floodlight(call, name)).floodlight


async def _move(call: Call, name: str) -> Accepted:
    order: shapes.Move = call.body
    switch = (await ones.switch(call, name)).switch
    try:
        floodlight = await _floodlight(call, order.floodlight)
    except Refusal as refusal:
        raise Refusal(400, f"body: {refusal}") if refusal.status == 404 else refusal from None
    masters = [holder.floodlight for holder in switch.holders if holder.mode == "RW"]
    if floodlight.id not in masters:
        master = ", ".join(masters) or "no floodlight"
        text = f"{floodlight.id} is not the master of {switch.id}: {master} is"
        raise Refusal(409, text)
    if floodlight.state != "up":
        why = "drained" if floodlight.drained else "down"
        raise Refusal(409, f"{floodlight.id} is {why}: choose another floodlight")
    await _order(call, {switch.id: peers.MoveSwitch(switch.id, floodlight.id)})
    return Accepted(f"{switch.id} goes to {floodlight.id} and stays there")


async def _place(call: Call, name: str) -> Accepted:
    order: shapes.Place = call.body
    switch = lists.read_switch(name)
    await _order(call, {switch: peers.PlaceSwitch(switch, order.region)})
    return Accepted(f"{switch} is in {order.region or 'no region'}")


async def _drain(call: Call, name: str) -> Accepted:
    await _floodlight(call, name)
    await _order(call, {name: peers.DrainFloodlight(name, True)})
    return Accepted(
        f"{name} is drained: its switches move to other floodlights that are connected to them"
    )


async def _undrain(call: Call, name: str) -> Accepted:
    await _floodlight(call, name)
    await _order(call, {name: peers.DrainFloodlight(name, False)})
    return Accepted(f"{name} is undrained: it may have switches again")


async def _prefer(call: Call, name: str) -> Accepted:
    order: shapes.Prefer = call.body
    if order.region is None and order.weight is None:
        raise Refusal(400, "body: expected a region, a weight or both")
    row = await _floodlight(call, name)
    await _order(call, {row.id: peers.PreferFloodlight(row.id, order.region, order.weight)})
    region = row.region if order.region is None else order.region
    weight = row.weight if order.weight is None else order.weight
    return Accepted(f"{row.id} is in {region or 'no region'} with weight {weight}")


async def _sync(call: Call, name: str) -> Accepted:
    row = await _floodlight(call, name)
    if row.state == "outage":
        raise Refusal(409, f"{row.id} is down: it is synced when it answers again")
    return await _ask_for_syncs(call, [row.id])


async def _sync_all(call: Call) -> Accepted:
    page = await lists.all_floodlights(call._replace(query=Floodlights(limit=1000)))
    names = [row.id for row in page.items if row.state != "outage"]
    if not names:
        raise Refusal(409, "all floodlights are down")
    return await _ask_for_syncs(call, names)


async def _ask_for_syncs(call: Call, names: list[str]) -> Accepted:
    await _order(call, {name: peers.SyncWanted(name, peers.OWN_SYNC) for name in names})
    return Accepted(f"{', '.join(names)}: sync requested")


def _change(
    path: str,
    summary: str,
    handle: Callable[..., Awaitable[Accepted]],
    body: type[msgspec.Struct],
    *refusals: int,
) -> Operation:
    return Operation(path, summary, handle, Accepted, shapes.Nothing, body, refusals)


OPERATIONS = (
    _change("/switches/{id}/move", "Move a switch to an FL.", _move, shapes.Move, 404, 409),
    _change("/switches/{id}/place", "Say in which region a switch is.", _place, shapes.Place),
    _change("/floodlights/{id}/drain", "Take an FL out of use.", _drain, shapes.Nothing, 404),
    _change("/floodlights/{id}/undrain", "Use an FL again.", _undrain, shapes.Nothing, 404),
    _change("/floodlights/{id}/prefer", "Say how an FL is preferred.", _prefer, shapes.Prefer, 404),
    _change(
        "/floodlights/{id}/sync", "Ask an FL for its switches.", _sync, shapes.Nothing, 404, 409
    ),
    _change("/sync", "Ask every FL for its switches.", _sync_all, shapes.Nothing, 409),
)
