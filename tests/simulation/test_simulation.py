"""The simulation itself: it is deterministic, finds what is planted, and what it finds shrinks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from flrouter.messages import names
from flrouter.messages.forms.error_forms import ErrorForm
from tests.simulation import actions
from tests.simulation.__main__ import main
from tests.simulation.campaign import search
from tests.simulation.dice import Dice
from tests.simulation.episode import Episode, outcome, words_of
from tests.simulation.group import SESSION, Condition
from tests.simulation.planted import PLANTS, planted
from tests.simulation.populations import EACH, Population
from tests.simulation.scene import FAULTS, profile_of
from tests.simulation.shrink import shrink

#: a planted bug must be found within so many.
ENOUGH = 200_000
#: the seeds where the search for those begins that need many runs until they matter.
FIRST_SEEDS = {
    "ask-masters-too": 5,
    "believe-the-end": 7,
    "copy-what-is-torn": 622,
    "deaf-to-larger-numbers": 6,
    "forget-the-mode": 34,
    "look-at-one-topic": 10,
    "restore-to-the-high-watermark": 4_060,
    "tombstone-before-answer": 20,
    "wait-for-the-clock": 4,
    "count-what-is-not-sealed": 24_366,
    "zombies-rows-count": 206,
    "zombies-rows-stay": 8,
}


def test_no_promise_is_broken() -> None:
    """A short search; `make simulate` searches longer."""
    result = search(0, 60_000)
    assert result.failed is None
    assert result.commands > 5_000
    assert result.crashes > 100


def test_one_seed_is_one_run() -> None:
    """The same in one process and in many; another seed is another run."""
    first = search(7, 12_000)
    assert first.digest == search(7, 12_000, jobs=2).digest
    assert first.digest != search(8, 12_000).digest


def test_scenes_differ() -> None:
    """Every fault and both guarantees come up, and no fault always does."""
    scenes = [words_of(seed, 0)[0] for seed in range(60)]
    for fault in FAULTS:
        assert {fault in scene.faults for scene in scenes} == {True, False}
    assert {scene.exactly_once for scene in scenes} == {True, False}
    assert {scene.profile for scene in scenes} == {"plain", "openkilda"}
    assert {scene.partitions for scene in scenes} == {1, 2, 3, 5}
    keeps = {(scene.standby, scene.copies, scene.changes) for scene in scenes}
    assert len(keeps) == 6


def test_all_that_may_happen_in_a_scene_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    """No action of a scene is out of reach, though the scene has all of them."""
    scene, words = words_of(0, 3_000)
    scene = scene._replace(faults=frozenset(FAULTS), profile="openkilda", changes=True)
    possible = actions.possible(scene)
    assert len(possible) == sum(times for _, times, _ in actions._ACTIONS)
    happened: set[int] = set()

    def note(at: int) -> Callable[[Episode, Dice], None]:
        return lambda episode, dice: happened.add(at)

    monkeypatch.setattr(actions, "possible", lambda scene: list(map(note, range(len(possible)))))
    outcome(scene, words)
    assert happened == set(range(len(possible)))


@pytest.mark.parametrize("exactly_once", [True, False])
def test_a_worker_that_was_dropped_joins_anew(exactly_once: bool) -> None:
    """Also one that is alone: nobody fences it, and only its heartbeats are refused."""
    scene = words_of(0, 0)[0]._replace(workers=1, exactly_once=exactly_once)
    episode = Episode(scene)
    episode.rest()
    coordinator, [worker] = episode.workers.coordinator, episode.workers.alive
    generation = coordinator.generation
    episode.workers.freeze(worker, Condition.FROZEN)
    episode.topics.now += SESSION
    coordinator.step(Dice())
    assert worker not in coordinator.members
    episode.rest()
    assert worker in coordinator.members
    assert coordinator.generation > generation
    assert episode.workers.serving


def test_what_is_of_2025_happens() -> None:
    """Notifications of each kind, lists that end in silence, errors in forms, scopes, answers."""
    seed = next(seed for seed in range(60) if profile_of(seed) == "openkilda")
    episode, violation = outcome(*words_of(seed, 3_000))
    assert violation is None
    promises = episode.promises
    notifications = {names.SWITCH_CONNECT, names.SWITCH_DISCONNECT, names.SWITCH_AVAILABILITY}
    assert set(promises.listener.heard) == notifications
    assert len(promises.syncs.dumped) > len(episode.switches)
    asked = promises.by_number.values()
    assert any(isinstance(one, Population) and one.asked_at for one in asked)
    forms = {one.form for one in asked if one.finals and not one.sent}
    assert forms == set(ErrorForm)
    assert any(mark.part == EACH for mark in promises.marks)
    written = {record.topic for log in episode.topics.logs.values() for record in log[:1]}
    assert set(episode.floodlights[0].write_topics) <= written


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_planted_bugs_are_found(plant: str) -> None:
    """Each breaks a promise soon."""
    result = search(FIRST_SEEDS.get(plant, 0), ENOUGH, plant=plant)
    assert result.failed is not None
    assert result.failed.promise != "no bugs"  # the plant itself does not fit the code any more
    assert result.steps <= ENOUGH


def test_a_failure_shrinks_to_one_that_fails_again() -> None:
    """In the same way, with a handful of steps."""
    plant = "answer-after-blacklist"
    failed = search(4, ENOUGH, plant=plant).failed
    assert failed is not None
    scene, words = words_of(failed.seed, 3_000)
    left = shrink(scene, words, failed.promise, plant)
    with planted(plant):
        _, violation = outcome(scene, left)
    assert violation is not None
    assert violation.promise == failed.promise
    assert len(left) <= 30
    assert outcome(scene, left)[1] is None


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Says what breaks, tells the story of it and how to see it again."""
    report = tmp_path / "report.json"
    plant = ["--plant", "answer-after-blacklist"]
    arguments = ["--seed", "2", "--steps", "100000", "--jobs", "1", "--json", str(report)]
    assert main([*arguments, *plant]) == 1
    said = capsys.readouterr().out
    written = json.loads(report.read_text())
    assert "nothing after the blacklist" in said
    assert written["failure"]["again"] in said
    again = ["--seed", str(written["failure"]["seed"]), "--steps", "3000", "--jobs", "1"]
    assert main([*again, *plant]) == 1
    assert main(again) == 0
