"""Each override of Faust still fits it, and is still needed.

When one of these fails after an upgrade, read upstream's change: the override may have to follow
it, or may go. `docs/faust.md` says what each one is for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from faust import channels, streams
from faust.tables import manager
from faust.transport import conductor, consumer
from faust.transport.drivers import aiokafka as driver
from packaging.requirements import Requirement
from packaging.version import Version

from flrouter.faust_side import app as router
from flrouter.faust_side import assignor
from flrouter.faust_side import consumer as ours
from flrouter.faust_side import consumer as transport
from flrouter.network import faults


def test_the_version_is_one_that_was_read() -> None:
    """Overrides of private parts hold for the versions that pyproject.toml allows, no others."""
    from importlib.metadata import requires

    pins = [Requirement(line) for line in requires("flrouter") or ()]
    faust = next(pin for pin in pins if pin.name == "faust-streaming")
    assert faust.specifier.contains(Version(version("faust-streaming")))
    assert not faust.specifier.contains(Version("0.16.0"))


OVERRIDES: list[tuple[Any, Any, str]] = [
    (consumer.Consumer, ours.Consumer, "_drain_messages"),
    (consumer.Consumer, ours.Consumer, "ack"),
    (consumer.Consumer, ours.Consumer, "track_message"),
    (consumer.Consumer, ours.Consumer, "commit"),
    (consumer.Consumer, ours.Consumer, "wait_empty"),
    (consumer.Consumer, ours.Consumer, "perform_seek"),
    (consumer.Consumer, ours.Consumer, "on_partitions_revoked"),
    (consumer.Consumer, ours.Consumer, "on_partitions_assigned"),
    (driver.Consumer, ours.Consumer, "_new_consumer_thread"),
    (driver.AIOKafkaConsumerThread, ours.ConsumerThread, "on_partitions_assigned"),
    (driver.ConsumerRebalanceListener, ours.RebalanceListener, "on_partitions_assigned"),
    (driver.AIOKafkaConsumerThread, faults.ConsumerThread, "_fetch_records"),
    (consumer.Consumer, faults.Consumer, "perform_seek"),
    (manager.TableManager, router.TableManager, "on_start"),
    (manager.TableManager, router.TableManager, "on_partitions_revoked"),
    (manager.TableManager, router.TableManager, "on_rebalance"),
    (assignor.PartitionAssignor, assignor.ShardAssignor, "_perform_assignment"),
]


def test_aiokafkas_coordinator_can_be_asked_beside_its_own_requests() -> None:
    """Private parts: who we are to it, where it is, and the connection that no join holds up."""
    made = _source(GroupCoordinator.__init__)
    for name in ("generation", "member_id", "group_id", "coordinator_id"):
        assert f"self.{name} = " in made
    for method in (GroupCoordinator._maybe_leave_group, GroupCoordinator.ensure_coordinator_known):
        assert inspect.iscoroutinefunction(method)
    for called in (GroupCoordinator.request_rejoin, GroupCoordinator.coordinator_dead):
        assert list(inspect.signature(called).parameters) == ["self"]
    assert "group=ConnectionGroup.COORDINATION" in _source(GroupCoordinator._send_req)
    assert "group=ConnectionGroup.DEFAULT" in _source(AIOKafkaClient.send)


def test_aiokafka_forgets_its_generation_when_it_is_no_member() -> None:
    """So whoever holds shards knows whether it was one all the time (`ShardAssignor.stayed`)."""
    assert "self.generation = OffsetCommitRequest.DEFAULT_GENERATION_ID" in _source(
        GroupCoordinator.reset_generation
    )
    for heard in (GroupCoordinator._do_heartbeat, GroupCoordinator._maybe_leave_group):
        assert "self.reset_generation()" in _source(heard)
    assert "reset_generation()" in _source(CoordinatorGroupRebalance.perform_group_join)


def test_aiokafka_asks_what_a_worker_holds_at_each_join() -> None:
    """Not once for several; and a wish to join anew that comes meanwhile may be lost."""
    joins = _source(CoordinatorGroupRebalance.perform_group_join)
    assert joins.index("assignor.metadata(topics)") < joins.index("JoinGroupRequest(")
    assert "_rejoin_needed_fut = create_future()" in _source(
        CoordinatorGroupRebalance._send_sync_group_request
    )


def test_aiokafka_still_cannot_name_two_assignors() -> None:
    """It joins once for each: when this fails, the group's own choice of protocol can be used."""
    lines = _source(CoordinatorGroupRebalance.perform_group_join).splitlines()
    [loop] = [line for line in lines if "for assignor in self._assignors" in line]
    [join] = [line for line in lines if "request = JoinGroupRequest(" in line]
    assert len(join) - len(join.lstrip()) > len(loop) - len(loop.lstrip())


def test_faust_still_skips_what_is_of_an_older_generation() -> None:
    """When this fails, `RebalanceListener` may be needed no more."""
    assert "message.generation_id != self.app.consumer_generation_id" in _source(streams.Stream)
    told = _source(driver.ConsumerRebalanceListener.on_partitions_assigned)
    assert "consumer_generation_id = generation" in told


def test_faust_still_empties_queues_when_it_resumes() -> None:
    """When this fails, `Consumer.on_partitions_assigned` may resume whenever it likes."""
    assert "clear_on_resume=True" in _source(channels.Channel)


def test_aiokafka_fetches_nothing_that_is_paused() -> None:
    """And partitions are assigned before anything of them can be fetched."""
    assert "paused" in _source(Fetcher._get_actions_per_node)
    joined = _source(GroupCoordinator._on_join_complete)
    assert joined.index("assign_from_subscribed") < joined.index("on_partitions_assigned")


def test_aiokafka_leaves_the_group_when_nobody_asks_for_records() -> None:
    """So the worker shows it that it lives (`Consumer._show_life`)."""
    assert "fetcher_idle_time" in _source(GroupCoordinator._heartbeat_routine)


@pytest.mark.parametrize(
    ("upstream", "own", "name"), OVERRIDES, ids=[f"{o.__name__}.{n}" for _, o, n in OVERRIDES]
)
def test_an_override_takes_what_upstream_passes(upstream: Any, own: Any, name: str) -> None:
    """Every override replaces something that is there, and takes at least its arguments."""
    theirs = inspect.signature(getattr(upstream, name)).parameters
    mine = inspect.signature(getattr(own, name)).parameters
    takes_all = any(one.kind is one.VAR_KEYWORD for one in mine.values())
    assert takes_all or set(theirs) <= set(mine)
    assert getattr(own, name) is not getattr(upstream, name)


TASKS = [
    (consumer.Consumer, "_commit_handler"),
    (consumer.Consumer, "_commit_livelock_detector"),
]


@pytest.mark.parametrize(("service", "name"), TASKS, ids=[name for _, name in TASKS])
def test_a_replaced_task_exists_upstream(service: Any, name: str) -> None:
    """A task that upstream renamed would run beside ours."""
    assert hasattr(service, name)


def _source(thing: Callable[..., Any] | type) -> str:
    return inspect.getsource(thing)


def test_upstream_still_drops_its_bookkeeping_before_it_commits() -> None:
    """F#502: when this fails, `Consumer.on_partitions_revoked` may be needed no more."""
    body = _source(consumer.Consumer.on_partitions_revoked)
    assert body.index("self._acked.pop") < body.index("self._on_partitions_revoked")


def test_upstream_still_wraps_every_message_in_tasks() -> None:
    """When this fails, `Consumer._drain_messages` may be needed no more."""
    assert "callback(message), self.suspend_flow.wait()" in _source(
        consumer.Consumer._drain_messages
    )


def test_upstream_still_waits_1500_ms_for_a_fetch() -> None:
    """When this fails, `network/faults.py` need not set it any more."""
    body = _source(driver.AIOKafkaConsumerThread._create_worker_consumer)
    assert "fetch_max_wait_ms=1500" in body


@pytest.mark.parametrize("name", ["fetch_max_wait_ms", "isolation_level"])
def test_aiokafka_still_keeps_wait_and_isolation_where_we_set_them(name: str) -> None:
    """They are read from these attributes when the consumer starts."""
    import aiokafka

    assert f"self._{name} = {name}" in _source(aiokafka.AIOKafkaConsumer.__init__)
    assert f"self._{name}" in _source(aiokafka.AIOKafkaConsumer.start)


def test_upstream_still_waits_45_seconds_to_subscribe() -> None:
    """When this fails, `transport.Conductor` may be needed no more."""
    assert conductor.Conductor._resubscribe_sleep_lock_seconds == 45.0
    assert transport.Conductor._resubscribe_sleep_lock_seconds < 1.0


def test_upstream_still_asks_for_committed_offsets_one_by_one() -> None:
    """The `seek_to_committed` of aiokafka loops over partitions; ours is none at all."""
    import aiokafka

    body = _source(aiokafka.AIOKafkaConsumer.seek_to_committed)
    assert "for tp in partitions" in body
