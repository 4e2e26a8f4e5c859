"""TLS at the web port: what a worker shows, and what whoever asks one trusts.

Certificates end after some weeks. Files that were renewed are read again when the next connection
is made, so nobody has to start a worker anew for them.
"""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from flrouter.settings.model import BadSetting, Settings

log = logging.getLogger(__name__)


class _Files:
    """Files, to be told when there are others in their place."""

    def __init__(self, *paths: Path | None) -> None:
        self._paths = [path for path in paths if path is not None]
        self._seen: list[tuple[int, int, int]] = []
        self.changed()

    def changed(self) -> bool:
        """Whether they are other ones than at the last call."""
        try:
            states = [path.stat() for path in self._paths]
        except OSError:  # one is away: it is being replaced
            return False
        before = self._seen
        self._seen = [(state.st_ino, state.st_mtime_ns, state.st_size) for state in states]
        return self._seen != before


class _Certificate:
    """What the web port shows itself with."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._files = _Files(settings.web_certfile, settings.web_keyfile)
        self._newest = self._read()
        #: for the server, which takes one when it starts.
        self.first = self._newest
        self.first.sni_callback = self._show

    def _show(self, connection: ssl.SSLObject, *_: object) -> None:
        """Somebody said hello, with a name or without one: show what is in the files now."""
        if self._files.changed():
            try:
                self._newest = self._read()
                log.info("the certificate in %s was renewed", self._settings.web_certfile)
            except BadSetting as error:
                log.warning("the certificate before it is shown further: %s", error)
        connection.context = self._newest

    def _read(self) -> ssl.SSLContext:
        certificate = self._settings.web_certfile
        assert certificate is not None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(certificate, self._settings.web_keyfile)
        except (ssl.SSLError, OSError) as error:
            problem = (
                f"expected a certificate and its key, as PEM files without a password: {error}"
            )
            raise BadSetting("web_certfile", repr(str(certificate)), problem) from error
        return context


def shown(settings: Settings) -> ssl.SSLContext | None:
    """With what the web port shows itself; None where it speaks plain HTTP.

    Raises:
        BadSetting: the certificate and its key are none, or do not belong together.
    """
    return None if settings.web_certfile is None else _Certificate(settings).first


class Trust:
    """What a worker trusts when it asks others."""

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
        """What is in the file now; if that is nothing, what was in it before."""
        if self._files.changed():
            try:
                self._context = trusted(self._settings)
            except BadSetting as error:
                log.warning("the authorities before it are trusted further: %s", error)
        return self._context


def trusted(settings: Settings) -> ssl.SSLContext:
    """What whoever asks a worker trusts.

    Raises:
        BadSetting: `web_cafile` has no certificates.
    """
    try:
        return ssl.create_default_context(cafile=settings.web_cafile)
    except (ssl.SSLError, OSError) as error:
        problem = f"expected certificates, as a PEM file: {error}"
        raise BadSetting("web_cafile", repr(str(settings.web_cafile)), problem) from error
