"""Dealing shards to workers."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from faust.assignor.client_assignment import ClientMetadata
from hypothesis import given
from hypothesis import strategies as st

from flrouter import __version__
from flrouter.app import create_app
from flrouter.faust_side.app import RouterApp
from flrouter.faust_side.assignor import (
    Member,
    ShardAssignor,
    deal,
    entitled,
    hold_back,
    read_member,
)
from flrouter.runtime.ownership.ownership import Ownership
from flrouter.settings.model import Settings, load

MEMBERS = st.sets(st.sampled_from(["a", "b", "c", "d", "e", "f", "g"]), min_size=1)


def _held(owners: dict[int, str]) -> dict[str, list[int]]:
    held: dict[str, list[int]] = {}
    for shard, member in owners.items():
        held.setdefault(member, []).append(shard)
    return held


@given(st.integers(1, 64), MEMBERS)
def test_every_shard_has_one_owner_and_the_load_is_even(shards: int, members: set[str]) -> None:
    """No worker has two shards more than another."""
    owners = deal(shards, members, {})
    assert sorted(owners) == list(range(shards))
    load = Counter(dict.fromkeys(members, 0))
    load.update(owners.values())
    assert max(load.values()) - min(load.values()) <= 1


@given(st.integers(1, 64), MEMBERS, MEMBERS)
def test_a_shard_moves_only_when_it_must(shards: int, before: set[str], after: set[str]) -> None:
    """Those who stay keep what fits their new share; only the rest moves."""
    old = deal(shards, before, {})
    new = deal(shards, after, _held(old))
    share = -(-shards // len(after))
    kept = sum(1 for shard in range(shards) if new[shard] == old[shard])
    could = sum(min(len(_held(old).get(member, ())), share) for member in after)
    assert kept >= could - len(after)
    assert deal(shards, after, _held(new)) == new


@given(st.integers(1, 64), MEMBERS, MEMBERS)
def test_nobody_is_given_what_somebody_holds(
    shards: int, before: set[str], after: set[str]
) -> None:
    """It waits; what stays where it is does not, and once it is let go of, nothing waits."""
    old = deal(shards, before, {})
    held = {member: numbers for member, numbers in _held(old).items() if member in after}
    wanted = deal(shards, after, held)
    owners, moving = hold_back(wanted, held)
    for shard, owner in wanted.items():
        waits = old[shard] in after and old[shard] != owner
        assert (shard in moving) == waits == (shard not in owners)
    assert owners.items() <= wanted.items()
    again = deal(shards, after, _held(owners))
    assert owners.items() <= again.items()  # nothing that was given moves once more
    assert hold_back(again, _held(owners)) == (again, [])


def test_what_two_hold_is_given_to_neither() -> None:
    """Not even to the one whose it is to be: the other may write still."""
    assert hold_back({0: "a", 1: "b"}, {"a": [0], "b": [0]}) == ({1: "b"}, [0])
    assert hold_back({0: "a"}, {"b": [7]}) == ({0: "a"}, [])


def test_wishes_that_cannot_be_are_ignored() -> None:
    """Two workers may believe that they hold the same shard, or one that does not exist."""
    owners = deal(2, ["a", "b"], {"a": [0, 1, 7], "b": [0, 1]})
    assert sorted(owners.values()) == ["a", "b"]


def test_a_worker_tells_its_release() -> None:
    """Beside all that Faust has a member tell, and that others read as before."""
    settings = Settings(broker="kafka://nowhere:1")
    told = ShardAssignor(RouterApp(settings), replicas=0).metadata({"a-topic"})
    assert told.subscription == ["a-topic"]
    member = read_member(told.user_data)
    assert member.version == __version__
    assert member.url
    assert ClientMetadata.loads(told.user_data).url == member.url


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", b"[]", b'{"assignment":{"actives":[]}}'])
def test_a_member_of_whom_nothing_can_be_read_held_nothing(data: bytes) -> None:
    """A stranger in the group must not keep the leader from dealing to all others."""
    assert read_member(data) == Member()


@pytest.mark.parametrize(
    ("urls", "partitions", "shared"),
    [
        (["http://127.0.0.1:6066", "http://127.0.0.1:6066"], 8, True),
        (["http://127.0.0.1:6066", "http://b:6066"], 8, False),
        (["http://127.0.0.1:6066"], 8, False),
        (["http://127.0.0.1:6066", "http://b:6066"], 2, False),
    ],
    ids=["theirs too", "its own", "alone", "too few partitions"],
)
def test_a_worker_notices_that_another_one_has_its_url(
    urls: list[str], partitions: int, shared: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As workers of several machines have that nobody told where they are: it says what to do."""
    app: Any = create_app(load({}))
    app.conf.canonical_url = urls[0]
    cluster = SimpleNamespace(partitions_for_topic=lambda _: set(range(partitions)))
    topics = {app.settings.shards_topic}
    members = {}
    for name, url in zip("ab", urls, strict=False):
        metadata = app.assignor.metadata(topics)
        told = msgspec.json.decode(metadata.user_data) | {"url": url}
        members[name] = SimpleNamespace(
            subscription=metadata.subscription, user_data=msgspec.json.encode(told)
        )
    dealt = app.assignor._perform_assignment(cluster, members)
    for _ in range(2):
        app.assignor.on_assignment(dealt["a"])
    assert ["--web-host" in warning for warning in app.warnings()] == [True] * shared
    assert caplog.messages == app.warnings()
    app.assignor.on_assignment(app.assignor._perform_assignment(cluster, {"a": members["a"]})["a"])
    assert not app.warnings()


class _Group:
    """One worker, and what others of its group say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app: Any = create_app(load({}))
        self.place = SimpleNamespace(is_member=True)
        self.app._consumer = SimpleNamespace(member=self.place)
        self.held = frozenset[int]()
        monkeypatch.setattr(Ownership, "held", property(lambda _: self.held))
        self.topics = {self.app.settings.shards_topic}
        count = self.app.settings.partitions
        self.cluster = SimpleNamespace(partitions_for_topic=lambda _: set(range(count)))

    def member(self, **said: object) -> Any:
        """What another one says; None for what it does not say."""
        metadata = self.app.assignor.metadata(self.topics)
        told = msgspec.json.decode(metadata.user_data) | said
        told = {name: value for name, value in told.items() if value is not None}
        return SimpleNamespace(
            subscription=metadata.subscription, user_data=msgspec.json.encode(told)
        )

    def deal(self, **others: Any) -> list[int]:
        """Deal; returns the shards that this worker is given."""
        members = {"me": self.app.assignor.metadata(self.topics), **others}
        dealt = self.app.assignor._perform_assignment(self.cluster, members)
        self.app.assignor.on_assignment(dealt["me"])
        return [number for _, numbers in dealt["me"].assignment for number in numbers]


@pytest.fixture
def group(monkeypatch: pytest.MonkeyPatch) -> _Group:
    """A group with one worker whose assignor deals."""
    return _Group(monkeypatch)


def test_a_worker_tells_what_it_holds_as_long_as_it_is_a_member(group: _Group) -> None:
    """Who was none for a moment holds nothing: others may have had it."""
    assignor = group.app.assignor
    group.held = frozenset({0, 1})
    assert read_member(assignor.metadata(group.topics).user_data).holds == []
    group.deal()
    assert read_member(assignor.metadata(group.topics).user_data).holds == [0, 1]
    assert assignor.told == {0, 1}
    group.place.is_member = False
    assert read_member(assignor.metadata(group.topics).user_data).holds == []
    group.place.is_member = True  # joined, and the group deals anew before it was told
    assert read_member(assignor.metadata(group.topics).user_data).holds == []
    group.deal()
    assert read_member(assignor.metadata(group.topics).user_data).holds == [0, 1]


def test_what_moves_is_told_and_waits(group: _Group) -> None:
    """Until its owner tells that it is let go of."""
    shards = range(group.app.settings.partitions)
    assert group.deal() == list(shards)
    other = group.member(holds=[], assignment={"actives": {}})
    group.held = frozenset(shards)
    kept = group.deal(other=other)
    assert len(kept) == len(shards) / 2
    assert group.app.assignor.moving == tuple(sorted(set(shards) - set(kept)))
    group.held = frozenset(kept)
    assert group.deal(other=other) == kept
    assert group.app.assignor.moving == ()


def test_all_hold_only_when_all_know_how(group: _Group) -> None:
    """Beside workers of 0.1.0, one of which may deal next, all is let go of before it is dealt."""
    group.deal()
    assert group.app.assignor.all_hold
    group.deal(other=group.member(holds=None))
    assert not group.app.assignor.all_hold
    group.deal(other=group.member(holds=[]))
    assert group.app.assignor.all_hold


def test_shards_stay_with_workers_of_the_guarantee_that_serves(
    group: _Group, caplog: pytest.LogCaptureFixture
) -> None:
    """Until all of them are stopped: a late worker of the other one is not fenced."""
    shards = list(range(group.app.settings.partitions))
    assert group.deal() == shards
    other = group.member(holds=shards, guarantee="exactly_once", url="http://b:6066")
    old = group.member(holds=[], guarantee=None, url="http://c:6066")
    for _ in range(2):
        assert group.deal(other=other, old=old) == []
        [warning] = group.app.warnings()
        assert "exactly_once, and this one's is at_least_once" in warning
    assert caplog.messages == [warning]
    assert group.deal() == shards
    group.held = frozenset(shards)
    assert group.deal(other=group.member(holds=[], guarantee="exactly_once")) == shards
    assert not group.app.warnings()


def test_whoever_does_not_tell_its_guarantee_has_shards() -> None:
    """As workers of release 0.1.0, to and from which groups are upgraded worker by worker."""
    names = {"old": "", "a": "at_least_once", "e": "exactly_once"}
    assert set(entitled(names, {"a": [0], "e": [1, 2]}, {})) == {"old", "e"}
    assert set(entitled(names, {"a": [0], "e": []}, {})) == {"old", "a"}
    assert set(entitled(names, {"a": [0]}, {"e": [0, 1]})) == {"old", "a"}
    assert set(entitled(names, {}, {})) == {"old", "e"}
    assert entitled({"old": ""}, {"old": [0]}, {}) == {"old": ""}
    both = {"old": "", "e": "exactly_once"}
    assert entitled(both, {"old": [0, 1], "e": [2]}, {}) == both


@pytest.mark.parametrize("holds", [[], None], ids=["evicted", "all let go"])
def test_shards_go_back_to_the_guarantee_that_served(
    group: _Group, holds: list[int] | None
) -> None:
    """All were evicted, as the coordinator was away; or a worker of 0.1.0 has all let go first."""
    shards = list(range(group.app.settings.partitions))
    owned = {"actives": {group.app.settings.shards_topic: shards}}
    other = group.member(holds=holds, guarantee="exactly_once", url="http://b:6066", assignment={})
    assert group.deal(other=other) == []
    group.app.assignor.metadata(group.topics)
    served = group.member(
        holds=[], guarantee="at_least_once", url="http://c:6066", assignment=owned
    )
    assert group.deal(other=other, served=served)
    assert not group.app.warnings()


def test_a_leader_of_an_older_release_deals_to_all(group: _Group) -> None:
    """It says nothing of guarantees: nobody is told that it is dealt none."""
    assert not group.app.assignor._why_none("")


def test_a_shard_s_owner_has_its_partitions_of_topics_of_any_size() -> None:
    """So no partition has another owner because some were added."""
    app: Any = create_app(load({}))
    settings = app.settings
    shards, [inbound], written = settings.shards_topic, settings.inbound_topics, "fl-1.write"
    counts = {shards: settings.partitions, inbound: 2 * settings.partitions + 3, written: 3}
    cluster = SimpleNamespace(partitions_for_topic=lambda topic: set(range(counts[topic])))
    metadata = app.assignor.metadata(set(counts))
    dealt = app.assignor._perform_assignment(cluster, {"a": metadata, "b": metadata})
    owned = {member: dict(assignment.assignment) for member, assignment in dealt.items()}
    for topics in owned.values():
        for topic, count in counts.items():
            mine = {at for at in range(count) if at % settings.partitions in topics[shards]}
            assert set(topics.get(topic, ())) == mine
    assert len(owned["a"][shards]) == len(owned["b"][shards]) == settings.partitions / 2
