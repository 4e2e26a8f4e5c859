"""Finding the few steps that a failure needs (delta debugging)."""

from __future__ import annotations

from collections.abc import Sequence

from .episode import outcome
from .planted import planted
from .promises import Violation
from .scene import Scene

#: runs that shrinking may take.
RUNS = 600


def shrink(
    scene: Scene,
    words: Sequence[int],
    promise: str,
    plant: str | None = None,
    runs: int = RUNS,
) -> list[int]:
    """Leave out of `words` what the failure does without.

    Args:
        scene: where it happens.
        words: a run that breaks `promise`.
        promise: which must be broken still.
        plant: the bug that was planted.
        runs: at most so many runs are tried.
    """
    left = list(words)

    def fails(tried: list[int]) -> int | None:
        """After how many steps it fails in the same way."""
        with planted(plant):
            episode, violation = outcome(scene, tried)
        return episode.steps if violation is not None and violation.promise == promise else None

    steps = fails(left)
    assert steps is not None, "what is to be shrunk does not fail"
    left = left[:steps]
    size = max(len(left) // 2, 1)
    while size and runs > 0:
        at, shrunk = max(len(left) - size, 0), False
        while runs > 0:
            tried = left[:at] + left[at + size :]
            runs -= 1
            steps = fails(tried) if len(tried) < len(left) else None
            if steps is not None:
                left, shrunk = tried[:steps], True
            if at == 0:
                break
            at = max(min(at, len(left)) - size, 0)
        if size == 1 and not shrunk:
            break
        size = size if size == 1 else size // 2
    return left


def story(
    scene: Scene, words: Sequence[int], plant: str | None = None
) -> tuple[list[str], Violation | None]:
    """What happens in a run, a line each, and what goes wrong in it."""
    with planted(plant):
        episode, violation = outcome(scene, words, story=True)
    return episode.topics.story or [], violation
