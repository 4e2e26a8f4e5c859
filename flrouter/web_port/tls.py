"""TLS at the web port: the certificate of a worker, and the authorities that its clients trust.

Renewed files are read again with the next connection, so no worker has to be restarted for them.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path

from flrouter.settings.model import BadSetting, Settings

log = logging.getLogger(__name__)


class Renewed:
    """What the files of a setting say. They are read again once they are replaced."""

    def __init__(
        self, setting: str, read: Callable[[], ssl.SSLContext], *paths: Path | None
    ) -> None:
        """Read them.

        Raises:
            BadSetting: they cannot be used.
        """
        self._setting = setting
        self._read = read
        self._paths = [path for path in paths if path is not None]
        self._seen = self._states()
        self._context = read()

    @property
    def context(self) -> ssl.SSLContext:
        """What is in the files now; what was in them if they cannot be used."""
        states = self._states()
        if states is not None and states != self._seen:
            self._seen = states
            try:
                self._context = self._read()
                log.info("%s was renewed", self._setting)
            except BadSetting as error:
                log.warning("%s was not renewed, the old one stays: %s", self._setting, error)
        return self._context

    def _states(self) -> list[tuple[int, int, int]] | None:
        """What differs once a file is replaced; None while one is being replaced."""
        try:
            states = [path.stat() for path in self._paths]
        except OSError:
            return None
        return [(state.st_ino, state.st_mtime_ns, state.st_size) for state in states]


def shown(settings: Settings) -> ssl.SSLContext | None:
    """The certificate of the web port; None for plain HTTP.

    Raises:
        BadSetting: certificate and key cannot be read, or do not belong together.
    """
    certificate, key = settings.web_certfile, settings.web_keyfile
    if certificate is None:
        return None
    renewed = Renewed("web_certfile", partial(_certificate, certificate, key), certificate, key)

    def show(connection: ssl.SSLObject, *_: object) -> None:
        """A client said hello: show it what is in the files now."""
        connection.context = renewed.context

    first = renewed.context
    first.sni_callback = show
    return first


def _certificate(certificate: Path, key: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (ssl.SSLError, OSError) as error:
        problem = f"expected a certificate and its key, as PEM files without a password: {error}"
        raise BadSetting("web_certfile", repr(str(certificate)), problem) from error
    return context


def trusted(settings: Settings) -> ssl.SSLContext:
    """The authorities that clients of a worker trust.

    Raises:
        BadSetting: `web_cafile` has no certificates.
    """
    try:
        return ssl.create_default_context(cafile=settings.web_cafile)
    except (ssl.SSLError, OSError) as error:
        problem = f"expected certificates, as a PEM file: {error}"
        raise BadSetting("web_cafile", repr(str(settings.web_cafile)), problem) from error


def trust(settings: Settings) -> Renewed:
    """The same, of the file as it is now."""
    return Renewed("web_cafile", partial(trusted, settings), settings.web_cafile)
