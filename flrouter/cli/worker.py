"""`flrouter worker`: Faust's own, which says nothing but log lines where these are JSON."""

from __future__ import annotations

from typing import Any

from faust.cli import worker as upstream


class worker(upstream.worker):  # noqa: N801 - Faust takes the command's name from it
    """Start worker instance for given app."""

    def on_worker_created(self, worker: Any) -> None:
        """Print the banner for people only; collectors of logs read JSON and nothing else."""
        if self.app.settings.log_format == "json":
            worker.quiet = True
            worker.spinner = None
        else:
            super().on_worker_created(worker)
