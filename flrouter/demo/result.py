"""How the demo went: the figures at its end, and whether all was as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from flrouter.demo.traffic.ledger import Ledger
from flrouter.demo.traffic.outages import Outages

#: lines about errors that are shown; further ones are only counted.
MAX_SHOWN_LINES = 20


class Tables(NamedTuple):
    """How the rule tables of real switches compare with the commands."""

    switches: int
    #: rules that were commanded.
    rules: int
    #: commands that were sent again after an error.
    again: int
    #: switch → how its table differs from what was commanded.
    differences: dict[str, str]

    def lines(self) -> Iterator[str]:
        """The comparison, as text for people."""
        yield f"rules         {self.rules} on {self.switches} switches of Open vSwitch"
        yield f"sent again    {self.again}, after an error of the outage"
        for switch, text in self.differences.items():
            yield f"table         {switch}: {text}"
        if not self.differences:
            yield "tables        each holds the rules that were commanded, and no others"


class Result(NamedTuple):
    """One run."""

    ledger: Ledger
    outages: Outages
    #: messages of FLs that came after the deadline of their request.
    late_dropped: int
    #: s from the start of the process to the first answer of an FL.
    first_answer: float | None
    #: monotonic seconds: when the first command was sent; None if none was.
    began: float | None
    #: None without real switches.
    tables: Tables | None

    @property
    def good(self) -> bool:
        """Whether the run succeeded.

        Every command got exactly one answer, errors came only where they were expected, and the
        tables hold the commanded rules.
        """
        ledger = self.ledger
        wrong = ledger.unanswered or ledger.duplicates or ledger.wrong
        return self.began is not None and not (wrong or (self.tables and self.tables.differences))

    def report(self) -> dict[str, Any]:
        """The figures that `--json` writes."""
        ledger, tables = self.ledger, self.tables
        figures = {
            "sent": ledger.sent,
            "answered": ledger.answered,
            "errors": dict(sorted(ledger.errors.items())),
            "unanswered": ledger.unanswered,
            "duplicates": ledger.duplicates,
            "late_dropped": self.late_dropped,
            "p50_ms": ledger.percentile(0.5),
            "p99_ms": ledger.percentile(0.99),
        }
        if tables is not None:
            figures |= {"rules": tables.rules, "sent_again": tables.again}
            figures |= {"differences": tables.differences}
        return figures

    def lines(self) -> Iterator[str]:
        """The figures, as text for people."""
        if self.began is None:
            yield "stopped before any command was sent"
            return
        if self.tables is not None:
            yield from self.tables.lines()
        ledger = self.ledger
        errors = ", ".join(f"{name} {count}" for name, count in sorted(ledger.errors.items()))
        yield f"sent          {ledger.sent}"
        yield f"answered      {ledger.answered}; errors among the answers: {errors or 'none'}"
        yield f"unanswered    {ledger.unanswered}"
        yield f"duplicates    {ledger.duplicates}"
        yield f"late          {self.late_dropped} messages of floodlights, dropped"
        yield (
            f"latency       p50 {ledger.percentile(0.5)} ms, p99 {ledger.percentile(0.99)} ms,"
            " of what floodlights answered"
        )
        yield f"first answer  {self.first_answer or 0:.1f} s after the start"
        for outage in self.outages.all:
            back = "the end" if outage.back is None else f"{outage.back - self.began:.1f} s"
            dead = f"{outage.killed - self.began:.1f} s to {back}"
            yield f"outage        {outage.floodlight} was dead from {dead}"
        for text in ledger.wrong[:MAX_SHOWN_LINES]:
            yield f"wrong         {text}"
        if len(ledger.wrong) > MAX_SHOWN_LINES:
            yield f"wrong         and {len(ledger.wrong) - MAX_SHOWN_LINES} more"
        yield "every command got its one answer" if self.good else "this is not as it should be"
