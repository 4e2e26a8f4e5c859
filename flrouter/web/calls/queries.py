"""The parameters of requests that read."""

from __future__ import annotations

from typing import Annotated

import msgspec

from flrouter.core.values.records import MAX_TIME_MS
from flrouter.web.calls.shapes import FloodlightState, RequestState

_Limit = Annotated[int, msgspec.Meta(ge=1, le=1000, description="How many rows at most.")]
_After = Annotated[str, msgspec.Meta(description="The `next` of the page before.")]
_Local = Annotated[bool, msgspec.Meta(description="Only of the asked worker's own shards.")]
_Floodlight = Annotated[str, msgspec.Meta(description="Only those of this FL.")]
_Switch = Annotated[str, msgspec.Meta(description="Only those of this switch.")]
_Id = Annotated[str, msgspec.Meta(description="Only those with this correlation id.")]
_Since = Annotated[int, msgspec.Meta(ge=0, description="Only those since then (ms).")]


class Query(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """For one thing."""

    local: _Local = False


class Listing(Query, kw_only=True):
    """For a page of a list."""

    limit: _Limit = 100
    after: _After = ""


class Floodlights(Listing, kw_only=True):
    """Which FLs; removed ones only if `state` asks for them."""

    state: FloodlightState | None = None


class Switches(Listing, kw_only=True):
    """Which switches."""

    floodlight: Annotated[
        str, msgspec.Meta(description="Only those that this FL is connected to.")
    ] = ""
    active: Annotated[str, msgspec.Meta(description="Only those that this FL is active for.")] = ""
    region: Annotated[str, msgspec.Meta(description="Only those placed there.")] = ""
    unmanaged: bool | None = None


class Pending(Listing, kw_only=True):
    """Which commands without an answer."""

    floodlight: _Floodlight = ""
    switch: _Switch = ""
    correlation_id: _Id = ""
    state: RequestState | None = None
    since: _Since = 0


class Blacklist(Listing, kw_only=True):
    """Which commands that were answered with an error a short while ago."""

    floodlight: _Floodlight = ""
    correlation_id: _Id = ""


class Gathers(Listing, kw_only=True):
    """Which commands to several switches or FLs."""

    correlation_id: _Id = ""
    state: RequestState | None = None
    since: _Since = 0


class Syncs(Listing, kw_only=True):
    """Which FLs' syncs."""

    running: bool | None = None


class Hour(Query, kw_only=True):
    """For the last hour of an FL or a switch, or of the whole router."""

    floodlight: Annotated[str, msgspec.Meta(description="Of this FL.")] = ""
    switch: Annotated[str, msgspec.Meta(description="Of this switch.")] = ""
    until: Annotated[
        int, msgspec.Meta(ge=0, le=MAX_TIME_MS, description="To this step (ms); 0: the last.")
    ] = 0
