"""TLS at the web port: what a worker shows, and what whoever asks one trusts."""

from __future__ import annotations

import ssl

from flrouter.settings import BadSetting, Settings


def shown(settings: Settings) -> ssl.SSLContext | None:
    """With what the web port shows itself; None where it speaks plain HTTP.

    Raises:
        BadSetting: the certificate and its key are none, or do not belong together.
    """
    if settings.web_certfile is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.web_certfile, settings.web_keyfile)
    except (ssl.SSLError, OSError) as error:
        problem = f"expected a certificate and its key, as PEM files without a password: {error}"
        raise BadSetting("web_certfile", repr(str(settings.web_certfile)), problem) from error
    return context


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
