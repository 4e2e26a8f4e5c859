"""The assignor: deals shards to workers, and with a shard its partitions of every topic."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor

from flrouter import __version__
from flrouter.core.values.home import shard_of

log = logging.getLogger(__name__)


def deal(shards: int, members: Iterable[str], held: Mapping[str, Iterable[int]]) -> dict[int, str]:
    """Who owns each shard: as even as can be, and each where it was held as far as that allows."""
    names = sorted(members)
    fewest, more = divmod(shards, len(names))
    owners: dict[int, str] = {}
    kept: dict[str, int] = dict.fromkeys(names, 0)
    # Members that hold most keep one more: so the fewest shards move.
    rank = sorted(names, key=lambda name: (-len(set(held.get(name, ()))), name))
    room = {name: fewest + (1 if at < more else 0) for at, name in enumerate(rank)}
    for name in names:
        for shard in sorted(set(held.get(name, ()))):
            if 0 <= shard < shards and shard not in owners and kept[name] < room[name]:
                owners[shard] = name
                kept[name] += 1
    for shard in range(shards):
        if shard not in owners:
            name = max(names, key=lambda name: (room[name] - kept[name], name))
            owners[shard] = name
            kept[name] += 1
    return dict(sorted(owners.items()))


def hold_back(
    owners: Mapping[int, str], held: Mapping[str, Iterable[int]]
) -> tuple[dict[int, str], list[int]]:
    """Give nobody a shard that another member holds, and serves until it is told to let go.

    Returns who is given which shards at once, and the shards that wait.
    """
    moving = {
        shard for member, shards in held.items() for shard in shards if owners.get(shard) != member
    }
    given = {shard: owner for shard, owner in owners.items() if shard not in moving}
    return given, sorted(moving & owners.keys())


def entitled(
    guarantees: Mapping[str, str],
    held: Mapping[str, Collection[int]],
    owned: Mapping[str, Collection[int]],
) -> dict[str, str]:
    """Those members that may own shards, with their guarantees: all of one, that under which most
    are held, or else were owned. Owners of different ones do not fence each other
    (docs/guarantees.md).
    """
    now, before = Counter[str](), Counter[str]()
    for name, guarantee in guarantees.items():
        if guarantee:
            now[guarantee] += len(held.get(name, ()))
            before[guarantee] += len(owned.get(name, ()))
    kept = max(now, key=lambda each: (now[each], before[each], each), default="")
    return {name: each for name, each in guarantees.items() if each in {"", kept}}


class _Held(msgspec.Struct):
    actives: dict[str, list[int]] = {}


class Member(msgspec.Struct):
    """What the leader needs of all that a member says of itself: Faust's `ClientMetadata`."""

    assignment: _Held = msgspec.field(default_factory=_Held)
    url: str = ""
    #: the release that it runs; empty for 0.1.0, which does not say.
    version: str = ""
    #: empty for 0.1.0, which does not say, and for who cannot be read.
    guarantee: str = ""
    #: the shards that it holds while the group deals; None from a release that lets go of all.
    holds: list[int] | None = None


class Dealt(msgspec.Struct):
    """What a member needs of what the leader says: Faust's `ClientMetadata`, and more."""

    moving: tuple[int, ...] = ()
    #: False from a leader of a release that knows nothing of it.
    all_hold: bool = False
    #: of those that own shards.
    guarantee: str = ""


_member = msgspec.json.Decoder(Member)
_assignment = msgspec.json.Decoder(Dealt)


def read_member(user_data: bytes) -> Member:
    """What a member says. If it cannot be read, the member held nothing so far: the leader must go
    on to deal to the others.
    """
    try:
        return _member.decode(user_data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Member()


class ShardAssignor(PartitionAssignor):
    """Gives a member a partition of a topic iff it owns the shard that reads it.

    Upstream groups topics by who subscribes to them, so the topics of an FL that one worker knows
    a moment earlier would be dealt out apart from the shards that they belong to.
    """

    #: a warning when this worker shares its URL with others, else nothing.
    shared_url = ""
    #: the shards that this worker said it holds when the group dealt last.
    told: frozenset[int] = frozenset()
    #: the shards that wait for their owners to let go of them.
    moving: tuple[int, ...] = ()
    #: whether all members go on to serve what they hold while the group deals.
    all_hold = False
    #: why this worker is dealt nothing, as long as that is so.
    unentitled = ""
    #: whether this worker was a member all the time since the group dealt last.
    stayed = False

    def metadata(self, topics: Any) -> Any:
        """What this worker says of itself when it joins the group; Faust knows no more of it."""
        told = super().metadata(topics)
        consumer = self.app._consumer
        self.stayed = self.stayed and consumer is not None and consumer.member.is_member
        self.told = self.app.shards.ownership.held if self.stayed else frozenset()
        more = msgspec.json.decode(told.user_data)
        guarantee = self.app.settings.guarantee
        more |= {"version": __version__, "guarantee": guarantee, "holds": sorted(self.told)}
        return ConsumerProtocolMemberMetadata(
            told.version, told.subscription, msgspec.json.encode(more)
        )

    def on_assignment(self, assignment: Any) -> None:
        """Take what the leader dealt, and see whether it took several workers for one."""
        super().on_assignment(assignment)
        dealt = _assignment.decode(self._decompress(assignment.user_data))
        self.all_hold, self.moving, self.stayed = dealt.all_hold, dealt.moving, True
        self.unentitled = _told(self.unentitled, self._why_none(dealt.guarantee))
        shards_topic, url = self.app.settings.shards_topic, str(self._url)
        there_are = range(self._topic_groups.get(shards_topic, 0))
        at_url: set[int] = set().union(*self.changelog_distribution.get(url, {}).values())
        others = at_url.intersection(there_are).difference(
            self._assignment.actives.get(shards_topic, ())
        )
        shared_url = (
            f"the group has another worker with the URL of this one, {url}. Unless that one was"
            " killed a moment ago, start each worker with --web-host and a name or an address at"
            " which the others reach it: they ask each other there"
        )
        self.shared_url = _told(self.shared_url, shared_url if others else "")

    def _why_none(self, theirs: str) -> str:
        """Why this worker is dealt no shards; empty when it may be."""
        mine = self.app.settings.guarantee
        if theirs in {"", mine}:
            return ""
        return (
            f"the group's shards are with workers of the guarantee {theirs}, and this one's is"
            f" {mine}: it gets none before all of those are stopped"
        )

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        settings = self.app.settings
        members = {name: read_member(said.user_data) for name, said in member_metadata.items()}
        self._update_member_urls(members)
        releases = sorted({member.version or "0.1.0" for member in members.values()})
        if len(releases) > 1:
            log.info("the group has workers of releases %s", ", ".join(releases))
        topics_of = {name: set(said.subscription) for name, said in member_metadata.items()}
        owned = {
            name: member.assignment.actives.get(settings.shards_topic, ())
            for name, member in members.items()
        }
        holds = {name: member.holds for name, member in members.items()}
        guarantees = {name: member.guarantee for name, member in members.items()}
        held = {name: own or () for name, own in holds.items()}
        owning = entitled(guarantees, held, owned)
        wanted = deal(settings.partitions, owning, owned)
        owners, moving = hold_back(wanted, held)
        assignments = {name: ClientAssignment(actives={}, standbys={}) for name in members}
        groups: dict[str, int] = {}
        for topic in sorted(set().union(*topics_of.values())):
            partitions = sorted(cluster.partitions_for_topic(topic) or ())
            groups[topic] = len(partitions)
            for partition in partitions:
                owner = owners.get(shard_of(partition, settings.partitions))
                # An owner that does not know the topic yet joins again when it does.
                if owner is not None and topic in topics_of[owner]:
                    assignments[owner].actives.setdefault(topic, []).append(partition)
        changelogs = self._changelogs(owners)
        external = self._get_external_topic_distribution(assignments)
        dealt = self._protocol_assignments(assignments, changelogs, external, groups)
        more = {
            "moving": moving,
            "all_hold": None not in holds.values(),
            "guarantee": max(owning.values()),
        }
        return {name: self._with_more(assignment, more) for name, assignment in dealt.items()}

    def _with_more(self, assignment: Any, more: Mapping[str, Any]) -> Any:
        data = msgspec.json.decode(self._decompress(assignment.user_data)) | more
        packed = self._compress(msgspec.json.encode(data))
        return ConsumerProtocolMemberAssignment(assignment.version, assignment.assignment, packed)

    def _changelogs(self, owners: Mapping[int, str]) -> dict[str, dict[str, list[int]]]:
        """Where the tables' partitions are, for Faust's routing of web requests."""
        by_member: dict[str, dict[str, list[int]]] = {
            url: {topic: [] for topic in self._table_manager.changelog_topics}
            for url in self._member_urls.values()
        }
        for shard, member in owners.items():
            for shards in by_member[self._member_urls[member]].values():
                shards.append(shard)
        return by_member


def _told(before: str, warning: str) -> str:
    """Log a warning when it is new; returns it."""
    if warning and not before:
        log.warning("%s", warning)
    return warning
