"""`flrouter history`: what became of any request, and what happened to FLs, weeks later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from flrouter.cli import Group, options
from flrouter.cli.completion import FLOODLIGHT
from flrouter.cli.output import json_option, moment, show_json, show_table
from flrouter.cli.start import OfFaust, run
from flrouter.failure import BAD_USAGE_STATUS, Failure, load_settings
from flrouter.history.opening import open_store
from flrouter.history.record import EVENTS, Ended, Happened
from flrouter.history.search import (
    ANY_ERROR,
    MAX_LIMIT,
    BadSearch,
    EventSearch,
    Search,
    StoreFailed,
)
from flrouter.history.store import Store
from flrouter.messages.errors import ErrorType
from flrouter.messages.switch_id import BadSwitchId, canonical


@click.group(cls=Group)
def history() -> None:
    """What became of any request, and what happened to FLs (docs/history.md)."""


@history.command(cls=OfFaust, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def worker(arguments: Sequence[str]) -> None:
    """Run a history worker: it reads the history topic into the database."""
    run("flrouter.history", arguments)


def _switch(_context: click.Context, _parameter: click.Parameter, given: str) -> str:
    try:
        return canonical(given) if given else ""
    except BadSwitchId as error:
        raise click.BadParameter(str(error)) from None


_filters = options.together(
    options.before_now("--since", "The last 2h, say."),
    options.before_now("--until", "Only what is older than 1h, say."),
    click.option("--switch", default="", callback=_switch, help="Only of this switch."),
    click.option("--floodlight", default="", type=FLOODLIGHT, help="Only of this FL."),
    options.limit(MAX_LIMIT),
    click.option("--cursor", default="", help="Go on where the last answer ended."),
    json_option,
)


@history.command()
@_filters
@click.option(
    "--error",
    type=click.Choice([ANY_ERROR, *(kind.value for kind in ErrorType)], case_sensitive=False),
    metavar="TYPE",
    help=f"Only those that failed so, as NOT_FOUND; {ANY_ERROR}: all that failed.",
)
@click.option("--completed", is_flag=True, help="Only those that did not fail.")
@click.option("--kind", default="", help="Only of this kind, as InstallIngressFlow.")
@click.option("--id", "correlation_id", default="", help="A part of the correlation id.")
def search(as_json: bool, error: str | None, **filters: Any) -> None:
    """Search requests that have ended, the newest first.

    A search without --switch, --floodlight, --error or --id looks at every request of the time that
    --since and --until give.
    """
    with _store() as store:
        page = store.search(Search(error=error or "", **filters))
    if as_json:
        requests = [msgspec.structs.asdict(one) for one in page.items]
        show_json({"requests": requests, "cursor": page.next or ""})
        return
    show_table(
        ("ended", "correlation id", "kind", "switch", "floodlight", "ms>", "result"),
        [
            (
                *(moment(one.answered), one.correlation_id, one.kind, one.switch, one.floodlight),
                *(one.answered - one.received, one.error or "completed"),
            )
            for one in page.items
        ],
    )
    _more(page.next)


@history.command()
@click.argument("record")
@json_option
def show(record: str, as_json: bool) -> None:
    """Show one request whole: every step, its parts, and what went on at its FL then.

    RECORD is the `id` that `flrouter history search --json` gives.
    """
    happened: list[Happened] = []
    with _store() as store:
        whole = store.request(record)
        if whole is None:
            raise Failure(
                f"there is no record {record}: it is too old, or `flrouter history search --json`"
                " gave another id"
            )
        request = whole.request
        if request.floodlight:
            begin, end = request.received or request.answered, request.answered + 1
            wanted = EventSearch(since=begin, until=end, floodlight=request.floodlight)
            happened = store.events(wanted).items
    if as_json:
        show_json(
            {
                "request": msgspec.structs.asdict(request),
                "parts": [msgspec.structs.asdict(part) for part in whole.parts],
                "events": msgspec.to_builtins(happened),
            }
        )
        return
    told = msgspec.structs.asdict(request)
    steps = ("received", "sent", "acked", "answered", "delivered")
    rows: list[tuple[str, object]] = [(step, _step(request, step)) for step in steps]
    rows += [(name, value) for name, value in told.items() if name not in steps and value]
    show_table(("", ""), rows)
    if whole.parts:
        show_table(
            ("part>", "switch", "floodlight", "ended", "result"),
            [
                (one.part, one.switch, one.floodlight, moment(one.answered), one.error or "done")
                for one in whole.parts
            ],
        )
    if happened:
        _show_events(happened)


def _step(request: Ended, name: str) -> str | None:
    """When a step happened, and how long after the first step."""
    at = getattr(request, name)
    after = at - request.received
    return f"{moment(at)} (+{after} ms)" if at and request.received else moment(at)


@history.command()
@_filters
@click.option("--kind", type=click.Choice(list(EVENTS)), help="Only of this kind.")
@click.option("--who", default="", help="Only what this person ordered.")
def events(as_json: bool, kind: str | None, **filters: Any) -> None:
    """List what happened to FLs and switches, and who ordered what, the newest first."""
    with _store() as store:
        page = store.events(EventSearch(kind=kind or "", **filters))
    if as_json:
        show_json({"events": msgspec.to_builtins(page.items), "cursor": page.next or ""})
        return
    _show_events(page.items)
    _more(page.next)


def _show_events(happened: list[Happened]) -> None:
    show_table(
        ("time", "what", "floodlight", "switch", "text", "who", "from", "result"),
        [
            (
                *(moment(one.at), one.kind, one.floodlight, one.switch, one.text),
                *(one.who, one.source, one.result),
            )
            for one in happened
        ],
    )


def _more(cursor: str | None) -> None:
    if cursor:
        click.echo(f"there are more: --cursor {cursor}", err=True)


@contextmanager
def _store() -> Iterator[Store]:
    """The history.

    Raises:
        Failure: the history cannot be searched like this, or there is no history.
    """
    settings = load_settings()
    store = open_store(settings)
    try:
        if not store.extent().newest:
            place = settings.history_database or f"{settings.data_path / 'history'}"
            raise Failure(
                f"there is no history in {place.rpartition('@')[2]}: do workers write one"
                " (FLROUTER_HISTORY=true), does `flrouter history worker` run, and is"
                " FLROUTER_HISTORY_DATABASE what it is there?"
            )
        yield store
    except BadSearch as error:
        raise Failure(str(error), BAD_USAGE_STATUS) from error
    except StoreFailed as error:
        raise Failure(str(error)) from error
    finally:
        store.close()
