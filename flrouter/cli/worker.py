"""`flrouter worker`: Faust's own, which says at once when Kafka will never let it work.

And which says nothing but log lines where these are JSON.
"""

from __future__ import annotations

import sys
from typing import Any

from faust.cli import worker as upstream
from mode.utils.loops import get_event_loop

from flrouter.cli.failure import Failure


class worker(upstream.worker):  # noqa: N801 - Faust takes the command's name from it
    """Run a worker of the router: as many as you like, anywhere."""

    def run_using_worker(self, *args: Any, **kwargs: Any) -> None:
        """Ask before anything else for what gets no better by waiting."""
        from flrouter.runtime.login import LoginRefused, log_in
        from flrouter.runtime.transactions import NoTransactions, require_transactions

        async def ask() -> None:
            await log_in(self.app.settings)
            await require_transactions(self.app.settings)

        try:
            get_event_loop().run_until_complete(ask())
        except (LoginRefused, NoTransactions) as error:
            failure = Failure(str(error))
            failure.show()  # Faust would show a traceback
            sys.exit(failure.exit_code)
        super().run_using_worker(*args, **kwargs)

    def on_worker_created(self, worker: Any) -> None:
        """Print the banner for people only; collectors of logs read JSON and nothing else."""
        if self.app.settings.log_format == "json":
            worker.quiet = True
            worker.spinner = None
        else:
            super().on_worker_created(worker)
