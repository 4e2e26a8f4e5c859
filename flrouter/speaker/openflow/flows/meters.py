"""Meters: the limits on traffic that rules refer to."""

from __future__ import annotations

from typing import Any

from flrouter.speaker import dumps
from flrouter.speaker.openflow.flows.flows import Meter
from flrouter.speaker.openflow.switches.wire import DESC, messages, of

#: type and code of the error if a meter cannot be added because its id is in use.
EXISTS = (of.OFPET_METER_MOD_FAILED, of.OFPMMFC_METER_EXISTS)
#: burst size as a multiple of a second's traffic; OpenKilda's value.
BURST_RATIO = 1.05
_FLAGS = of.OFPMF_KBPS | of.OFPMF_BURST | of.OFPMF_STATS
_NAMES = {of.OFPMF_KBPS: "KBPS", of.OFPMF_PKTPS: "PKTPS", of.OFPMF_BURST: "BURST"}
_NAMES[of.OFPMF_STATS] = "STATS"


def put(meter: Meter, command: int) -> Any:
    """The message that adds a meter (OFPMC_ADD), or changes the one with its id (OFPMC_MODIFY)."""
    band = messages.OFPMeterBandDrop(
        rate=meter.rate_kbps, burst_size=min(int(meter.rate_kbps * BURST_RATIO), 0xFFFFFFFF)
    )
    return messages.OFPMeterMod(
        DESC, command=command, flags=_FLAGS, meter_id=meter.id, bands=[band]
    )


def delete(meter_id: int) -> Any:
    """The message that deletes a meter, and with it the rules that refer to it."""
    return messages.OFPMeterMod(DESC, command=of.OFPMC_DELETE, flags=0, meter_id=meter_id)


def read(stats: Any) -> dumps.Meter:
    """A meter; `stats` is os-ken's OFPMeterConfigStats."""
    band = stats.bands[0] if stats.bands else None
    return dumps.Meter(
        stats.meter_id,
        band.rate if band is not None else 0,
        band.burst_size if band is not None else 0,
        [name for flag, name in _NAMES.items() if stats.flags & flag],
    )
