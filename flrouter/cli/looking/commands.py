"""Commands that only look: `status`, `floodlights`, `switches`, `trace`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from flrouter.cli.completion import FLOODLIGHT
from flrouter.cli.looking.overview import overview
from flrouter.cli.looking.problems import problems
from flrouter.cli.output import json_option, moment, plain, show, show_json, show_table
from flrouter.cli.router import Router, Row, Silence
from flrouter.failure import load_settings


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Say in a few lines whether all is well: FLs, workers and their shards, what is pending.

    The exit status is 0 when all is well, 1 when something is wrong: a line says what.
    """
    seen = overview(Router(load_settings()))
    wrong = problems(seen)
    if as_json:
        show_json({"well": not wrong, "problems": wrong} | seen.as_json())
    else:
        for line in (seen.summary(), *(wrong or ["all is well"])):
            click.echo(plain(line))
    if wrong:
        raise SystemExit(1)


@click.command()
@json_option
def floodlights(as_json: bool) -> None:
    """List the FLs: state, since when, whether they acknowledge, switches, what waits for them."""
    rows, silence = Router(load_settings()).rows("floodlights")
    show(as_json, rows, _FLOODLIGHT_COLUMNS, map(_floodlight_cells, rows))
    silence.admit()


_FLOODLIGHT_COLUMNS = (
    *("floodlight", "state", "since", "acks", "switches>", "pending>", "answers>", "mean ms>"),
    *("region", "weight>"),
)


def _floodlight_cells(row: Row) -> Sequence[object]:
    """The cells of one FL, in the order of the columns above."""
    latency = row["latency"]
    answers = sum(latency["counts"])
    mean = f"{latency['total'] / answers * 1000:.1f}" if answers else None
    state = row["state"] if row["heard"] or row["state"] == "removed" else "never heard of"
    return (
        *(row["id"], state, moment(row["since"]), "yes" if row["acks"] else "no"),
        *(row["switches"], row["pending"]),
        *(answers, mean, row["region"], row["weight"]),
    )


@click.command()
@click.argument("switch", required=False)
@click.option("--floodlight", type=FLOODLIGHT, help="Only those that are connected to this FL.")
@click.option("--active", type=FLOODLIGHT, help="Only those that this FL is active for.")
@click.option("--region", help="Only those of this region.")
@click.option("--unmanaged", is_flag=True, help="Only those whose state is unknown.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most."
)
@json_option
def switches(
    switch: str | None,
    floodlight: str | None,
    active: str | None,
    region: str | None,
    unmanaged: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List switches and the FLs that hold them; or show SWITCH and its pending requests."""
    router = Router(load_settings())
    if switch is not None:
        detail = router.get("switches", switch)
        show(as_json, detail, _SWITCH_COLUMNS, map(_switch_cells, [detail["switch"]]))
        if detail["pending"] and not as_json:
            show_table(_REQUEST_COLUMNS, map(_request_cells, detail["pending"]))
        return
    only = "true" if unmanaged else None
    asked = {"floodlight": floodlight, "active": active, "region": region, "unmanaged": only}
    rows, silence = router.rows("switches", limit, **asked)
    if not rows:
        for name in filter(None, (floodlight, active)):
            router.get("floodlights", name)  # fails if there is no such FL
    show(as_json, rows, _SWITCH_COLUMNS, map(_switch_cells, rows))
    silence.admit()


_SWITCH_COLUMNS = ("switch", "active", "connected to", "shard>", "region", "")


def _switch_cells(row: Row) -> Sequence[object]:
    held = ", ".join(f"{holder['floodlight']} ({holder['mode']})" for holder in row["holders"])
    notes = [name for name in ("unmanaged", "pinned") if row[name]]
    return (row["id"], row["active"], held, row["shard"], row["region"], ", ".join(notes))


@click.command()
@click.argument("correlation_id")
@json_option
def trace(correlation_id: str, as_json: bool) -> None:
    """Show where a command went, when, and how it was answered."""
    traced = Router(load_settings()).get("requests", correlation_id)
    show(as_json, traced, _REQUEST_COLUMNS, map(_request_cells, traced["requests"]))
    Silence.of(traced).admit()


_REQUEST_COLUMNS = (
    *("request", "state", "switch", "floodlight", "received", "ms>", "read from"),
    *("answers to", "error"),
)


def _request_cells(row: Row) -> Sequence[object]:
    took = row["ended"] - row["received"] if row["ended"] and row["received"] else None
    return (
        *(row["request"], row["state"], row["switch"], row["floodlight"]),
        *(moment(row["received"]), took, row["origin"], row["reply_topic"], row["error"]),
    )
