"""What people see: the tables in README.md, the figures as JSON, and the plot."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import plot
from benchmarks.contenders import ALL, DIRECT
from benchmarks.thresholds import Judged

_HERE = Path(__file__).parent
README = _HERE / "README.md"
RESULTS = _HERE / "results"
BEGIN, END = "<!-- results: written by make bench -->", "<!-- end of results -->"


def write(result: Mapping[str, Any], judged: Sequence[Judged], text: str) -> None:
    """Keep a full run as `latest`, with table and plot; any other as `partial.json` only."""
    RESULTS.mkdir(exist_ok=True)
    rows = [
        {
            "row": each.row.text,
            "value": each.value,
            ("at least" if each.row.more else "at most"): each.row.mark,
            "goal": each.row.goal,
            "verdict": each.verdict.value,
        }
        for each in judged
    ]
    kept = json.dumps({**result, "rows": rows}, indent=1) + "\n"
    if not result["full"]:
        (RESULTS / "partial.json").write_text(kept, "utf-8")
        return
    (RESULTS / "latest.json").write_text(kept, "utf-8")
    (RESULTS / "latest.svg").write_text(plot.as_svg(result["figures"], result["broker"]), "utf-8")
    README.write_text(between_markers(README.read_text("utf-8"), text), "utf-8")


def between_markers(document: str, text: str) -> str:
    """`document` with `text` in place of what stands between the markers.

    Raises:
        ValueError: there are no markers.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError("the document has no place for results")
    return f"{before}{begin}\n\n{text}\n{end}{after}"


def as_markdown(result: Mapping[str, Any], judged: Sequence[Judged]) -> str:
    """The result for people."""
    plan = result["plan"]
    load = " and ".join(map(str, result["load"]))
    lines = [
        f"{result['when']} UTC, {result['machine']}, {result['broker']}; load average {load} at"
        f" begin and end, {result['seconds']} s in all. Medians of {plan['rounds']} rounds.",
        "",
        *_thresholds(judged),
    ]
    if result["figures"]:
        lines += ["", *_contenders(result)]
    if result.get("latencies"):
        lines += ["", *_latencies(result["latencies"])]
    if "scale" in result:
        lines += ["", *_scale(result["scale"]["curves"])]
    return "\n".join(lines) + "\n"


def _thresholds(judged: Sequence[Judged]) -> Iterator[str]:
    yield "| figure | measured | mark | goal | |"
    yield "|---|---:|---:|---:|---|"
    for each in judged:
        sign = "≥" if each.row.more else "≤"
        mark, goal = f"{sign} {_number(each.row.mark)}", f"{sign} {_number(each.row.goal)}"
        value = _number(each.value)
        yield f"| {each.row.text} | {value} | {mark} | {goal} | {each.verdict.value} |"


def _contenders(result: Mapping[str, Any]) -> Iterator[str]:
    yield (
        "| contender | commands per CPU-second | × flrouter's | commands/s | router busy"
        " | memory, MB | at half of peak: commands/s | p50, ms | p99, ms | added p50 | added p99"
        " | limited by |"
    )
    yield "|---|" + "---:|" * 10 + "---|"
    figures = result["figures"]
    for contender in ALL:
        found = figures.get(contender.name)
        if found:
            ours = result["ratios"].get(f"per_cpu_second/{contender.name}", 1.0)
            cells = [
                _number(found["per_cpu_second"]),
                _number(1 / ours if ours else None),
                _number(found["throughput"]),
                f"{found['router_busy']:.0%}",
                _number(found["memory"] / 1e6),
                *_latency(found),
                result["limited_by"][contender.name],
            ]
        else:
            why = result.get("missing", {}).get(contender.name, "not asked for")
            cells = [""] * 10 + [f"not measured: {why}"[:300]]
        yield f"| {contender.title} | {' | '.join(cells)} |"
    if found := figures.get(DIRECT):
        cells = ["", "", _number(found["throughput"]), "", "", *_latency(found), ""]
        yield f"| no router: clients and broker alone | {' | '.join(cells)} |"
    faults = {
        name: [
            f"{found[what]:.0f} {what}" for what in ("errors", "lost", "duplicates") if found[what]
        ]
        for name, found in figures.items()
        if found
    }
    for name, said in faults.items():
        if said:
            yield f"\n{name}: {', '.join(said)}."
    others = max((found["others_busy"] for found in figures.values() if found), default=0.0)
    if others > 0.1:
        yield f"\nThe machine was not ours alone: others used up to {others:.1f} of its cores."


def _latencies(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    rates = list(next(iter(found.values())))
    yield "".join(["| p50 and p99, ms, at |", *(f" {int(rate):,} commands/s |" for rate in rates)])
    yield "|---|" + "---:|" * len(rates)
    for name, measured in found.items():
        cells = [
            ", ".join(_number(measured[rate][part] * 1000) for part in ("p50", "p99"))
            if rate in measured
            else ""
            for rate in rates
        ]
        yield f"| {name} | {' | '.join(cells)} |"


def _latency(found: Mapping[str, float | None]) -> list[str]:
    seconds = [found.get(name) for name in ("p50", "p99", "added_p50", "added_p99")]
    in_ms = [each * 1000 if each is not None else None for each in seconds]
    return [_number(found["rate"]), *map(_number, in_ms)]


def _scale(curves: Mapping[str, Any]) -> Iterator[str]:
    yield "| as it grows | µs of CPU per command | commands/s | |"
    yield "|---|---:|---:|---|"
    for what, found in curves.items():
        if what in ("core", "gather", "restore"):
            continue
        if "missing" in found:
            yield f"| {what} | | | not measured: {found['missing']} |"
            continue
        for each in found.values():
            cells = f"{_number(each['cpu_us'])} | {_number(each['per_second'])}"
            yield f"| {each['size']:,} {what} | {cells} | end to end |"
    for name, found in curves["core"].items():
        yield f"| {name} | {_number(found['cpu_us'])} | | core alone |"
    core, restore = curves["core"], curves["restore"]
    pending = core["1,000,000 pending"]["bytes_per_pending"]
    switch = core["100,000 switches"]["bytes_per_switch"]
    yield ""
    yield (
        f"Memory: {pending:,.0f} bytes per pending command, {switch:,.0f} per switch."
        f" {restore['entries']:,.0f} table entries were restored in {restore['seconds']:.1f} s,"
        f" {restore['cpu']:.1f} s of it on the processor."
    )
    if gather := curves.get("gather"):
        yield ""
        yield (
            f"In a command for 1,000 switches each costs {_number(gather['gathered_us'])} µs, and"
            f" {_number(gather['single_us'])} µs in a command of its own (core alone)."
        )


def _number(value: float | None) -> str:
    """A figure with as many digits as it is good for."""
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
