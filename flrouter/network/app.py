"""The Faust application: from the topic for discovery to a table of switches.

There are two steps. `listen` reads flrouter's reports, puts chains together, and writes the news of
each switch to the topic of news, keyed by switch. `keep` reads the topic of news and updates the
table. The key brings all news of a switch to one place, although its events and the chains that
list it come through different partitions.

Links of a chain are kept in memory only: a worker that dies loses every incomplete chain. So a
worker that gets partitions requests a sync, which lists everything anew. The router may join this
request to a sync under way, whose first links may already be lost. If the first chains stay
incomplete, the worker therefore requests a second sync.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
from faust.types import TP

from flrouter.messages import headers as header
from flrouter.messages import names
from flrouter.messages.chains import BadLink
from flrouter.messages.envelope import Unreadable, decode
from flrouter.messages.forms import build
from flrouter.network import pages
from flrouter.network.chains import Assembler, is_link
from flrouter.network.listener import Listener
from flrouter.network.reading import listed_in, news_of
from flrouter.network.view import News, Switch
from flrouter.settings.model import Settings

#: partitions of the topic of news and of the table. With one, a single worker holds the whole view
#: and can show it. The other workers are standbys: one takes the table over when that worker dies.
PARTITIONS = 1

_news = msgspec.json.Decoder(News)


class NetworkApp(Listener):
    """The listener that keeps a view of all switches."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, "network")
        #: whether the previous owner of the partitions may have read some links of a chain.
        self.may_lack_links = True
        self.switches = self.Table("switches", partitions=PARTITIONS)

    @property
    def holds_view(self) -> bool:
        """Whether this worker owns the table and has restored it."""
        here = TP(self.switches.changelog_topic_name, 0) in self.assignor.assigned_actives()
        return here and bool(self.tables.actives_ready)

    def view(self) -> dict[str, Switch]:
        """Every switch, in order of the ids."""
        return {name: stored(self.switches[name]) for name in sorted(self.switches)}


def create_app(settings: Settings) -> NetworkApp:
    """The listener as a Faust application."""
    app = NetworkApp(settings)
    reports = app.topic(settings.disco_topic, partitions=settings.partitions)
    news = app.topic(f"{app.conf.id}-news", partitions=PARTITIONS, key_type=str, internal=True)
    sync = settings.message_catalog.command(names.SYNC_REQUEST)
    requests = app.topic(sync.inbound or settings.inbound_topics[0])
    assembler = Assembler(patience=int(settings.sync_timeout * 1000))

    async def listen(stream: Any) -> None:
        async for event in stream.events():
            told = read(event.message, assembler)
            sent = [await news.send(key=key, value=value) for key, value in told]
            # The record counts as read only once Kafka has acknowledged its news.
            await asyncio.gather(*sent)

    async def keep(stream: Any) -> None:
        async for key, value in stream.items():
            switch = stored(app.switches.get(key, {}))
            switch.hear(_news.decode(value))
            app.switches[key] = msgspec.to_builtins(switch, str_keys=True)

    async def ask_for_sync() -> None:
        now = int(time.time() * 1000)
        await requests.send(value=build.sync_request(f"network-{uuid.uuid4()}", now))

    async def begin(*_: Any, **__: Any) -> None:
        app.may_lack_links = True
        await ask_for_sync()

    async def drop_overdue_chains() -> None:
        incomplete = assembler.drop_overdue(_now())
        for name in incomplete:
            app.log.warning("the chain %s stopped before its end", name)
        if incomplete and app.may_lack_links:
            app.may_lack_links = False
            await ask_for_sync()

    app.agent(reports, name="listen")(listen)
    app.agent(news, name="keep")(keep)
    app.on_rebalance_complete.connect(begin, weak=False)
    app.timer(interval=1.0)(drop_overdue_chains)
    pages.register(app)
    return app


def stored(row: dict[str, Any]) -> Switch:
    """The switch in a row of the table. Faust keeps rows as JSON; an empty row is a new switch."""
    return msgspec.convert(row, Switch, str_keys=True)


def read(record: Any, assembler: Assembler) -> Iterator[tuple[str, bytes]]:
    """The switches that a record tells of, each with its encoded news.

    Never fails, whatever the record holds: anybody may write to the topic.
    """
    data = record.value or b""
    at = int(record.timestamp * 1000)
    try:
        envelope = decode(data)
        began = sync_began(record, at)
        told = news_of(data, began)
        if told is not None:
            news_by_switch = dict([told])
        elif is_link(envelope):
            key = record.key.decode("utf-8", "replace") if record.key else None
            chain = assembler.take(data, envelope, _now(), key)
            news_by_switch = listed_in(chain.entries, began) if chain is not None else {}
        else:
            return
    except (Unreadable, BadLink):
        return
    for switch, news in news_by_switch.items():
        yield switch, msgspec.json.encode(news)


def sync_began(record: Any, otherwise: int) -> int:
    """When the router began the record's sync (ms; protocol.md, 7.4); else `otherwise`."""
    for name, value in record.headers or ():
        if name == header.SYNC_BEGAN and value.isdigit():
            return int(value)
    return otherwise


def _now() -> int:
    return int(time.monotonic() * 1000)
