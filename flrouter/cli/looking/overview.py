"""The whole router at one moment, from the workers that answer: for `status` and `top`."""

from __future__ import annotations

from typing import NamedTuple

from flrouter.cli.router import Router, Row, Silence


class Overview(NamedTuple):
    """Workers and FLs. The figures of an FL are sums over the workers that answered."""

    workers: list[Row]
    floodlights: list[Row]
    silence: Silence = Silence()

    def as_json(self) -> Row:
        """The overview as JSON for programs."""
        return {
            "workers": self.workers,
            "floodlights": self.floodlights,
            "missing": sorted(self.silence.workers),
            "missing_shards": sorted(self.silence.shards),
        }

    def summary(self) -> str:
        """The overview in one line."""
        workers, floodlights = self.workers, self.floodlights
        states = [row["state"] for row in floodlights]
        counted = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
        lost = sum(row["switches"] for row in floodlights if row["state"] == "outage")
        unmanaged = f" ({lost} of them unmanaged)" if lost else ""
        return (
            f"{len(workers)} workers with {sum(len(row['shards']) for row in workers)} shards, lag"
            f" {sum(row['lag'] for row in workers)}; floodlights: {counted or 'none'};"
            f" {sum(row['switches'] for row in floodlights)} switches{unmanaged},"
            f" {sum(row['pending'] for row in floodlights)} commands pending"
        )


def overview(router: Router) -> Overview:
    """Ask the router for its overview.

    Raises:
        Failure: as for `Router.get`.
    """
    workers = router.get("workers", limit=1000)
    floodlights, silence = router.rows("floodlights")
    return Overview(workers["items"], floodlights, Silence.of(workers) | silence)
