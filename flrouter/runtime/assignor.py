"""The assignor: deals shards to workers, and with a shard its partitions of every topic."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from faust.assignor.client_assignment import ClientAssignment
from faust.assignor.partition_assignor import PartitionAssignor

from flrouter import __version__
from flrouter.core.home import shard_of

log = logging.getLogger(__name__)


def deal(shards: int, members: Iterable[str], held: Mapping[str, Iterable[int]]) -> dict[int, str]:
    """Who owns each shard: as even as can be, and each where it was as far as that allows.

    Args:
        shards: how many there are.
        members: who may own some.
        held: what each owned before.
    """
    names = sorted(members)
    fewest, more = divmod(shards, len(names))
    owners: dict[int, str] = {}
    kept: dict[str, int] = dict.fromkeys(names, 0)
    # Those who hold most keep one more, so that the fewest shards move.
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


class _Held(msgspec.Struct):
    actives: dict[str, list[int]] = {}


class Member(msgspec.Struct):
    """What the leader needs of all that a member says of itself: Faust's `ClientMetadata`."""

    assignment: _Held = msgspec.field(default_factory=_Held)
    url: str = ""
    #: the release that it runs; empty for 0.1.0, which does not say.
    version: str = ""


_member = msgspec.json.Decoder(Member)


def read_member(user_data: bytes) -> Member:
    """What a member says; one of whom nothing can be read held nothing so far.

    A stranger in the group must not keep the leader from dealing to all others.
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

    #: that this worker shares its URL with others, and what to do; nothing when it does not.
    shared_url = ""

    def metadata(self, topics: Any) -> Any:
        """What this worker says of itself when it joins the group; Faust knows no version."""
        told = super().metadata(topics)
        more = msgspec.json.decode(told.user_data) | {"version": __version__}
        return ConsumerProtocolMemberMetadata(
            told.version, told.subscription, msgspec.json.encode(more)
        )

    def on_assignment(self, assignment: Any) -> None:
        """Take what the leader dealt, and see whether it took several workers for one."""
        super().on_assignment(assignment)
        shards_topic, url = self.app.settings.shards_topic, str(self._url)
        there_are = range(self._topic_groups.get(shards_topic, 0))
        at_url: set[int] = set().union(*self.changelog_distribution.get(url, {}).values())
        others = at_url.intersection(there_are).difference(
            self._assignment.actives.get(shards_topic, ())
        )
        told, self.shared_url = self.shared_url, ""
        if others:
            self.shared_url = (
                f"the group has another worker with the URL of this one, {url}. Unless that one was"
                " killed a moment ago, start each worker with --web-host and a name or an address"
                " at which the others reach it: they ask each other there"
            )
            if not told:
                log.warning("%s", self.shared_url)

    def _perform_assignment(self, cluster: Any, member_metadata: Any) -> Any:
        settings = self.app.settings
        clients = {
            member: read_member(metadata.user_data) for member, metadata in member_metadata.items()
        }
        self._update_member_urls(clients)
        releases = sorted({client.version or "0.1.0" for client in clients.values()})
        if len(releases) > 1:
            log.info("the group has workers of releases %s", ", ".join(releases))
        topics_of = {
            member: set(metadata.subscription) for member, metadata in member_metadata.items()
        }
        held = {
            member: metadata.assignment.actives.get(settings.shards_topic, ())
            for member, metadata in clients.items()
        }
        owners = deal(settings.partitions, topics_of, held)
        assignments = {
            member: ClientAssignment(actives={}, standbys={}) for member in member_metadata
        }
        groups: dict[str, int] = {}
        for topic in sorted(set().union(*topics_of.values())):
            partitions = sorted(cluster.partitions_for_topic(topic) or ())
            groups[topic] = len(partitions)
            for partition in partitions:
                owner = owners[shard_of(partition, len(owners))]
                # An owner that does not know the topic yet will soon, and then joins again.
                if topic in topics_of[owner]:
                    assignments[owner].actives.setdefault(topic, []).append(partition)
        changelogs = self._changelogs(owners)
        return self._protocol_assignments(
            assignments, changelogs, self._get_external_topic_distribution(assignments), groups
        )

    def _changelogs(self, owners: Mapping[int, str]) -> dict[str, dict[str, list[int]]]:
        """Where the tables' partitions are, for Faust's routing of web requests."""
        found: dict[str, dict[str, list[int]]] = {
            url: {topic: [] for topic in self._table_manager.changelog_topics}
            for url in self._member_urls.values()
        }
        for shard, member in owners.items():
            for shards in found[self._member_urls[member]].values():
                shards.append(shard)
        return found
