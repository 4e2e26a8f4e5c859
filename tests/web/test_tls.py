"""Certificates that are renewed while a worker runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import ClientConnectorCertificateError, ClientSession, TCPConnector, web

from flrouter.settings.model import Settings
from flrouter.web_port import tls
from tests.kafka.authority import Authority


@asynccontextmanager
async def port(settings: Settings) -> AsyncIterator[Callable[[ssl.SSLContext], Awaitable[bool]]]:
    """One that shows the settings' certificate; asks it, over a connection of its own."""
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls.shown(settings)).start()
    url = f"https://127.0.0.1:{runner.addresses[0][1]}"

    async def ask(trusted: ssl.SSLContext) -> bool:
        connector = TCPConnector(ssl=trusted, force_close=True)
        async with ClientSession(connector=connector) as session:
            try:
                async with session.get(url) as answer:
                    return answer.status == 404
            except ClientConnectorCertificateError:
                return False

    try:
        yield ask
    finally:
        await runner.cleanup()


def put(path: Path, data: bytes) -> None:
    """Write a file as those do who renew certificates: another one takes its place."""
    new = path.with_suffix(".new")
    new.write_bytes(data)
    new.replace(path)


def test_a_renewed_certificate_is_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the next connection; while its files do not belong
    together, the one before is. Whoever asks trusts what is in its own file then.
    """
    caplog.set_level(logging.INFO)
    folders = {name: tmp_path / name for name in ("old", "new", "used")}
    for folder in folders.values():
        folder.mkdir()
    authorities = {name: Authority(folders[name], "ca") for name in ("old", "new")}
    for authority in authorities.values():
        authority.sign("worker")

    def use(name: str, *files: str) -> None:
        for file in files:
            put(folders["used"] / file, (folders[name] / file).read_bytes())

    use("old", "worker.pem", "worker-key.pem", "ca.pem")
    settings = Settings(
        web_certfile=folders["used"] / "worker.pem",
        web_keyfile=folders["used"] / "worker-key.pem",
        web_cafile=folders["used"] / "ca.pem",
    )

    async def look() -> None:
        trust = tls.trust(settings)
        async with port(settings) as ask:
            old = trust.context
            assert await ask(old)
            assert trust.context is old, "it is read once"
            use("new", "worker.pem")
            assert await ask(old), "its key is not there yet"
            assert "web_certfile was not renewed, the old one stays" in caplog.text
            use("new", "worker-key.pem")
            assert not await ask(old)
            assert "web_certfile was renewed" in caplog.text
            put(folders["used"] / "ca.pem", b"none")
            assert trust.context is old
            assert "web_cafile was not renewed, the old one stays" in caplog.text
            use("new", "ca.pem")
            assert await ask(trust.context)

    asyncio.run(look())
