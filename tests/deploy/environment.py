"""What a process of flrouter is started with, held against the settings' own rules."""

from __future__ import annotations

from collections.abc import Mapping

from flrouter.settings.model import BadSetting, Settings, load
from tests.deploy.programs import Wrong


def taken(environ: Mapping[str, str], whose: str) -> Settings:
    """The settings that it has. Raises :class:`Wrong` when it would refuse to start."""
    try:
        return load(environ)
    except BadSetting as error:
        raise Wrong(f"{whose} would not start: {error}") from error
