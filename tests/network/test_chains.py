"""Chains put together: any order, repetitions, both forms and dumps, many side by side."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flrouter.messages import names
from flrouter.messages.chains import BadLink
from flrouter.messages.envelope import decode
from flrouter.messages.forms import build
from flrouter.network.chains import Assembler, Chain, is_link

from .forms import FORMS, chain

SAMPLES = Path(__file__).parent.parent / "samples"
UNTIMED = settings(deadline=None, suppress_health_check=list(HealthCheck))


def entries(count: int, of: str = "part") -> list[dict[str, str]]:
    """The payloads of a chain."""
    return [{"clazz": names.DUMP_SWITCH, "is": f"{of} {number}"} for number in range(count)]


def take(assembler: Assembler, data: bytes, now: int = 0, name: str | None = None) -> Chain | None:
    """Hand a link over."""
    envelope = decode(data)
    assert is_link(envelope)
    return assembler.take(data, envelope, now, name)


def said(found: Chain | None) -> list[dict[str, str]] | None:
    """What a chain's entries say."""
    return [json.loads(bytes(entry)) for entry in found.entries] if found is not None else None


@UNTIMED
@given(data=st.data())
def test_chains_side_by_side(data: st.DataObject) -> None:
    """Whatever order links come in and however often, each chain is told once, when its last link
    came, with its entries in order; of a dump between markers, the end comes last.
    """
    chance = random.Random(data.draw(st.integers(0, 1 << 30)))
    wanted = {}
    sequences = []
    for number in range(data.draw(st.integers(1, 4))):
        form = data.draw(st.sampled_from(FORMS))
        name = f"chain {number}"
        wanted[name] = entries(data.draw(st.integers(0, 5)), name)
        links = [(name, link) for link in chain(wanted[name], name, form)]
        if form == "framed":
            begin, *rest, end = links
            rest.insert(chance.randint(0, len(rest)), begin)
            sequences.append([*rest, end])
        else:
            sequences += [[link] for link in links * data.draw(st.integers(1, 2))]
    assembler = Assembler(patience=1_000)
    told: dict[str, list[dict[str, str]] | None] = {}
    while sequences:
        sequence = chance.choice(sequences)
        name, link = sequence.pop(0)
        found = take(assembler, link, name=name)
        if found is not None:
            assert found.name == name
            assert name not in told
            told[name] = said(found)
        sequences = [each for each in sequences if each]
    assert told == wanted


@pytest.mark.parametrize("form", FORMS)
def test_an_incomplete_chain_is_dropped_after_a_time(form: str) -> None:
    """The time counts from its last link, and what comes after it begins anew."""
    links = chain(entries(4), "it", form)
    assembler = Assembler(patience=100)
    for at, link in enumerate(links[:-1]):
        assert take(assembler, link, now=at * 90, name="it") is None
        assert assembler.drop_overdue(at * 90) == []
    last = (len(links) - 2) * 90
    assert assembler.drop_overdue(last + 100) == []
    assert assembler.drop_overdue(last + 101) == ["it"]
    assert assembler.drop_overdue(last + 101) == []
    assert take(assembler, links[-1], now=last + 102, name="it") is None


def test_a_complete_chain_is_remembered_for_a_time_and_then_forgotten() -> None:
    """Nothing is kept forever, and nobody is warned of what was whole."""
    [link] = chain([], "empty", "numbered")
    assembler = Assembler(patience=100)
    assert take(assembler, link) == Chain("empty", [])
    assert take(assembler, link, now=50) is None
    assert assembler.drop_overdue(151) == []
    assert take(assembler, link, now=152) == Chain("empty", [])


def test_numbered_links_need_no_name() -> None:
    """They share an id."""
    assembler = Assembler(patience=100)
    second, first = reversed(chain(entries(2), "it", "numbered"))
    assert take(assembler, second) is None
    assert said(take(assembler, first)) == entries(2)


def test_an_older_chain_that_leads_back_never_ends() -> None:
    """It is dropped like any other that does not come to its end."""
    assembler = Assembler(patience=100)
    for name, following in (("a", "b"), ("b", "b"), ("b", None), ("c", "a")):
        link = build.message(names.CHUNK, {}, name, 0, next_request_id=following)
        assert take(assembler, link, name="a") is None
    assert assembler.drop_overdue(101) == ["a"]


def test_links_that_do_not_fit() -> None:
    """They are refused, and the chain stays as it was."""
    assembler = Assembler(patience=100)
    first, second = chain(entries(2), "it", "numbered")
    take(assembler, first)
    for wrong in (
        build.chunk(entries(1)[0], "it", 1, 3, 0),
        build.message(names.CHUNK, {}, "it", 0, next_request_id="x"),
        build.chunk({}, "it", 7, 2, 0),
    ):
        with pytest.raises(BadLink):
            take(assembler, wrong)
    assert said(take(assembler, second)) == entries(2)
    take(assembler, build.message(names.CHUNK, {}, "old", 0, next_request_id="x"))
    with pytest.raises(BadLink):
        take(assembler, build.chunk({}, "old", 0, 1, 0))


def test_a_dump_without_its_beginning_is_none() -> None:
    """Whoever came too late for the first marker waits for the next sync."""
    assembler = Assembler(patience=100)
    for message in chain(entries(2), "it", "framed")[1:]:
        assert take(assembler, message) is None
    assert assembler.drop_overdue(101) == ["it"]


def test_the_samples() -> None:
    """OpenKilda's own messages."""
    assembler = Assembler(patience=100)

    def sample(file: str) -> Chain | None:
        return take(assembler, (SAMPLES / file).read_bytes(), name=key)

    key = "unit-test-correlation-id"
    assert sample("37-chunked-legacy-end.json") is None
    found = sample("36-chunked-legacy-first.json")
    assert found is not None
    assert len(found.entries) == 1  # the last link has no payload
    key = "dump-1"
    assert sample("D06-network-dump-chunk-1-of-2.json") is None
    found = sample("D05-network-dump-chunk-0-of-2.json")
    assert found is not None
    assert [b":01" in bytes(entry) for entry in found.entries] == [True, False]
    key = "2018"
    for file in ("D07-network-dump-begin", "D08-network-dump-switch", "D09-network-dump-port"):
        assert sample(f"{file}-2018.json") is None
    found = sample("D10-network-dump-end-2018.json")
    assert found is not None
    assert len(found.entries) == 2


def test_what_is_no_link() -> None:
    """Events and answers are left to others."""
    for file in ("D17-port-info-up.json", "35-error-not-found.json", "D01-alive-request.json"):
        assert not is_link(decode((SAMPLES / file).read_bytes()))
