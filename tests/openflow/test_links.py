"""Row 4: links between switches of different FLs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.openflow.network import Network

pytestmark = pytest.mark.broker

End = tuple[str, int]


def links(network: Network, state: str) -> list[tuple[End, End]]:
    """Where each link that was reported so far begins and ends."""
    found = []
    for payload in network.events("IslInfoData", state=state):
        one, other = ((each["switch_id"], each["port_no"]) for each in _path(payload))
        found.append((one, other))
    return found


def _path(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return sorted(payload["path"], key=lambda each: each["seq_id"])


def test_a_link_between_switches_of_different_fls(network: Network) -> None:
    """Each direction is reported once, and lost once when the link is cut."""
    one, other = network.bridge("one", "fl-1"), network.bridge("other", "fl-2")
    network.ovs.link(("one", 10), ("other", 20))
    network.start("fl-1", "fl-2")
    ends = (one, 10), (other, 20)
    both = sorted([ends, ends[::-1]])

    def wait(state: str, count: int) -> None:
        network.requester.until(
            lambda: len(links(network, state)) >= count, 30, f"{count} links {state}"
        )

    wait("DISCOVERED", 2)
    assert sorted(set(links(network, "DISCOVERED"))) == both
    # A sync tells of everything once more, and there is one at the start.
    told = len(links(network, "DISCOVERED"))

    network.ovs.link(("one", 11), ("other", 21))
    wait("DISCOVERED", told + 2)
    new = links(network, "DISCOVERED")[told:]
    assert sorted(new) == sorted([((one, 11), (other, 21)), ((other, 21), (one, 11))])
    assert not links(network, "FAILED")

    network.ovs.cut("one", 10)
    wait("FAILED", 2)
    network.ovs.cut("other", 21)
    wait("FAILED", 4)
    lost = links(network, "FAILED")
    assert sorted(lost[:2]) == both
    assert sorted(lost) == sorted(set(lost)), "once each"
    assert len(links(network, "DISCOVERED")) == told + 2
