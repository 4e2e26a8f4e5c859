"""Request numbers in correlation ids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrouter.core.values.request import Origin, Suffix, Suffixes, short

OURS = Suffixes("flrouter", 4)
texts = st.text(st.characters(codec="utf-8"), max_size=20)


@given(
    original=texts,
    home=st.integers(0, 3),
    origin=st.builds(Origin, texts, st.integers(0, 1000), st.integers(0, 2**63)),
)
def test_a_suffix_is_read_as_it_was_written(original: str, home: int, origin: Origin) -> None:
    """Whatever the requester's own id holds, separators and suffixes of others too."""
    written = OURS.add(original, home, origin.number)
    assert OURS.read(written) == Suffix(original, home, origin.number)
    twice = OURS.add(written, home, "x.y.z")
    assert OURS.read(twice) == Suffix(written, home, "x.y.z")


@pytest.mark.parametrize(
    "foreign",
    [
        None,
        "",
        "op",
        "op~",
        "op~a.b",
        f"op~{short('another')}.1.n",
        f"op~{short('flrouter')}",
        f"op~{short('flrouter')}.1",
        f"op~{short('flrouter')}.4.n",  # there is no such partition
        f"op~{short('flrouter')}.-1.n",
        f"op~{short('flrouter')}.one.n",
        f"op~{short('flrouter')}.².n",
        f"op~{short('flrouter')}..n",
        f"op~{short('flrouter')}.1.n~more",
    ],
)
def test_a_foreign_suffix_is_part_of_somebodys_id(foreign: str | None) -> None:
    """Nothing that this router did not write is taken for its own."""
    assert OURS.read(foreign) is None


def test_two_applications_do_not_read_each_others() -> None:
    """Two routers may stand one behind the other."""
    theirs = Suffixes("other", 4).add("op", 1, "n")
    assert OURS.read(theirs) is None
    through = OURS.add(theirs, 2, "m")
    suffix = OURS.read(through)
    assert suffix == Suffix(theirs, 2, "m")


@given(st.builds(Origin, texts, st.integers(0, 99), st.integers(0, 10**12)))
def test_an_origin_is_read_as_it_was_written(origin: Origin) -> None:
    """A topic may hold slashes; numbers differ where origins do."""
    assert Origin.parse(str(origin)) == origin
    after = Origin(origin.topic, origin.partition, origin.offset + 1)
    assert after.number != origin.number


@pytest.mark.parametrize("text", ["", "topic", "topic/1", "topic/one/2", "topic/1/"])
def test_what_is_no_origin(text: str) -> None:
    """It is refused, not guessed."""
    with pytest.raises(ValueError, match=r"int|unpack"):
        Origin.parse(text)


def test_names_are_remembered_up_to_a_limit() -> None:
    """A record may name any topic, so the memory of them is bounded."""
    for number in range(10_100):
        short(f"topic-{number}")
    assert short.cache_info().currsize <= 10_000
