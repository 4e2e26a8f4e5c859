"""The FLs that the router knows, read from its own changelogs."""

from __future__ import annotations

import msgspec

from flrouter.core.values.records import Floodlight, Switch
from flrouter.runtime.state.reading import read_tables
from flrouter.settings.model import Settings


class Known(msgspec.Struct):
    """What the router's shards know of one FL."""

    #: shard → its copy of the FL. The newest copy is right; the others will catch up.
    copies: dict[int, Floodlight] = {}
    #: how many switches the FL is active for.
    switches: int = 0

    @property
    def newest(self) -> Floodlight:
        """The newest copy of the FL."""
        return max(self.copies.values(), key=lambda state: state.number)

    def routed(self, acks: bool, shards: int) -> bool:
        """Whether all `shards` route to the FL, and wait for its acks exactly if `acks`."""
        return len(self.copies) == shards and all(
            state.known and state.acks == acks for state in self.copies.values()
        )

    @property
    def gone(self) -> bool:
        """Whether no shard routes to the FL."""
        return not any(state.known for state in self.copies.values())


def known(settings: Settings) -> dict[str, Known]:
    """Every FL that the router has ever known, by its id."""
    floodlights: dict[str, Known] = {}
    speakers: dict[str, str] = {}
    state_of = msgspec.msgpack.Decoder(Floodlight).decode
    switch_of = msgspec.msgpack.Decoder(Switch).decode

    def floodlight(partition: int, key: str, value: bytes | None) -> None:
        if value is not None:
            floodlights.setdefault(key, Known()).copies[partition] = state_of(value)

    def switch(_partition: int, key: str, value: bytes | None) -> None:
        speakers[key] = switch_of(value).active if value is not None else ""

    tables = {"floodlights": floodlight, "switches": switch}
    read_tables(settings, tables)
    for name in speakers.values():
        if name in floodlights:
            floodlights[name].switches += 1
    return floodlights
