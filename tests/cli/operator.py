"""Somebody at a terminal, and the router that they look after."""

from __future__ import annotations

import json
from typing import Any

from click.testing import Result

from tests.cli.command import typed
from tests.support.deployment import Deployment
from tests.support.plain import Behaviour, info, switch_id

TOKEN = "correct-horse-battery-staple"
SHARED, FIRST, SECOND = (switch_id(number) for number in (1, 2, 3))


class Operator:
    """Somebody at a terminal, and the router that they look after."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        deployment.create_topics()
        self.first = deployment.floodlight("fl-1", switches=[SHARED, FIRST])
        self.second = deployment.floodlight("fl-2", switches=[SHARED, SECOND])
        for fl in (self.first, self.second):
            fl.default = Behaviour(info())
        self.requester = deployment.requester()
        self.worker = deployment.start_worker()
        self.requester.until(lambda: self._switches() == 3, 40, "all switches")

    def _switches(self) -> int:
        floodlights = self.worker.stats()["floodlights"].values()
        return sum(int(one["switches"]) for one in floodlights)

    def types(self, *arguments: str, **settings: object) -> Result:
        """Run a command; `settings` are others than the router's own."""
        url = f"http://127.0.0.1:{self.worker.web_port}"
        return typed(*arguments, settings=self.deployment.settings | {"worker_url": url} | settings)

    def asks(self, *arguments: str, status: int = 0) -> Any:
        """What a command says as JSON, with that exit status."""
        done = self.types(*arguments, "--json")
        assert done.exit_code == status, done.stdout + done.stderr
        return json.loads(done.stdout)
