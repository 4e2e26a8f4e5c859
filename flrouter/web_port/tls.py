"""TLS at the web port: the certificate of a worker, and the authorities that its clients trust.

Renewed files are read again with the next connection, so no worker has to be restarted for them.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from flrouter.settings.model import BadSetting, Settings

log = logging.getLogger(__name__)


class _Files:
    """Files that may be replaced."""

    def __init__(self, *paths: Path | None) -> None:
        self._paths = [path for path in paths if path is not None]
        self._seen: list[tuple[int, int, int]] = []
        self.changed()

    def changed(self) -> bool:
        """Whether they were replaced since the last call."""
        try:
            states = [path.stat() for path in self._paths]
        except OSError:  # one is being replaced
            return False
        before = self._seen
        self._seen = [(state.st_ino, state.st_mtime_ns, state.st_size) for state in states]
        return self._seen != before


def shown(settings: Settings) -> ssl.SSLContext | None:
    """The certificate of the web port; None for plain HTTP.

    Raises:
        BadSetting: certificate and key cannot be read, or do not belong together.
    """
    certificate, key = settings.web_certfile, settings.web_keyfile
    if certificate is None:
        return None
    files = _Files(certificate, key)
    first = newest = _certificate(certificate, key)

    def show(connection: ssl.SSLObject, *_: object) -> None:
        """A client said hello: show it what is in the files now."""
        nonlocal newest
        if files.changed():
            try:
                newest = _certificate(certificate, key)
                log.info("the certificate in %s was renewed", certificate)
            except BadSetting as error:
                log.warning("the certificate was not renewed, the old one stays: %s", error)
        connection.context = newest

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


class Trust:
    """The authorities that a worker trusts when it asks others."""

    def __init__(self, settings: Settings) -> None:
        """Read it.

        Raises:
            BadSetting: `web_cafile` has no certificates.
        """
        self._settings = settings
        self._files = _Files(settings.web_cafile)
        self._context = trusted(settings)

    @property
    def context(self) -> ssl.SSLContext:
        """The authorities in the file now; the old ones if it cannot be read."""
        if self._files.changed():
            try:
                self._context = trusted(self._settings)
            except BadSetting as error:
                log.warning("the authorities were not renewed, the old ones stay: %s", error)
        return self._context


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
