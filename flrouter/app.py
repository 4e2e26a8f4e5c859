"""The wiring: settings and agents make an application."""

from __future__ import annotations

import logging

from flrouter import agents
from flrouter.faust_side.app import RouterApp
from flrouter.settings.model import Settings, load
from flrouter.web import hardening, tables
from flrouter.web.access.guard import Guard
from flrouter.web.api import operations
from flrouter.web.calls import health
from flrouter.web.calls.call import Site
from flrouter.web.calls.scans import Scans
from flrouter.web.calls.tally import Tally
from flrouter.web.calls.workers import Workers
from flrouter.web.dashboard import pages as dashboard
from flrouter.web.metrics import collector as metrics
from flrouter.web.reference import pages as reference
from flrouter.web.series.recorder import Recorder


def create_app(settings: Settings | None = None) -> RouterApp:
    """The router as a Faust application.

    Args:
        settings: by default those of the environment.

    Raises:
        BadSetting: one of them is not valid.
    """
    for noisy in ("kafka", "aiokafka"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    app = RouterApp(settings if settings is not None else load())
    agents.register(app)
    site = Site(app, Tally(app), Workers(app), Scans(), Recorder(app))
    guard = Guard(app.settings.token, app.settings.read_token)
    tables.register(app)
    operations.register(site, guard)
    reference.register(app)
    metrics.register(app, site.tally)
    dashboard.register(site)
    health.register(app)
    app.web.web_app.cleanup_ctx.append(site.recorder.run)
    hardening.register(app, guard)
    return app
