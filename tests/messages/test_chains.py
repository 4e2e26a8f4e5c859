"""Where a link stands in its chain, in both forms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrouter.messages.chains import BadLink, Link, OldFormLink, follow, has_come, link_of
from flrouter.messages.envelope import Envelope, decode
from flrouter.messages.forms import build
from tests.messages.strategies import SAMPLES, texts

CLAZZ = "org.openkilda.messaging.info.ChunkedInfoMessage"


def envelope(
    message_id: str | None = None, total: int | None = None, following: str | None = None
) -> Envelope:
    """A chunk with these fields."""
    return Envelope(CLAZZ, message_id=message_id, total_messages=total, next_request_id=following)


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("36-chunked-legacy-first", OldFormLink("11111111-1111-4111-8111-111111111111")),
        ("37-chunked-legacy-end", OldFormLink(None)),
        ("D05-network-dump-chunk-0-of-2", Link(0, 2)),
        ("D06-network-dump-chunk-1-of-2", Link(1, 2)),
    ],
)
def test_samples(name: str, link: Link | OldFormLink) -> None:
    """Real links of both forms."""
    assert link_of(decode(SAMPLES[f"{name}.json"])) == link


@pytest.mark.parametrize("following", [None, "", "  ", "\t"])
def test_end_of_an_old_chain(following: str | None) -> None:
    """Null and blank both end it."""
    assert link_of(envelope(following=following)) == OldFormLink(None)


@given(correlation_id=texts, total=st.integers(1, 999_999_999), draw=st.data())
def test_own_links_are_understood(correlation_id: str, total: int, draw: st.DataObject) -> None:
    """A link that the FL side writes is the link that the router reads, whatever the id."""
    index = draw.draw(st.integers(0, total - 1))
    data = build.chunk({"clazz": "x"}, correlation_id, index, total, 0)
    assert link_of(decode(data)) == Link(index, total)


@pytest.mark.parametrize("message_id", [None, "", "0 : a", "nonsense"])
def test_empty_chain(message_id: str | None) -> None:
    """A chain of no links is complete at once, with or without a message id."""
    assert link_of(envelope(message_id, 0)) == Link(-1, 0)


@pytest.mark.parametrize(
    ("message_id", "total", "told"),
    [
        ("0 : a", None, "total_messages is None: expected a number from 0"),
        ("0 : a", -1, "total_messages is -1"),
        (None, 2, 'message_id is None: expected "<index> : <correlation id>"'),
        ("a", 2, "message_id is 'a'"),
        ("-1 : a", 2, "message_id is '-1 : a'"),
        ("٣ : a", 9, "message_id is '٣ : a'"),
        ("1234567890 : a", 2, "message_id is"),
        ("2 : a", 2, "link 2 of a chain of 2: indexes run from 0 to 1"),
    ],
)
def test_links_of_no_form(message_id: str | None, total: int | None, told: str) -> None:
    """A link that cannot be is refused with what is wrong."""
    with pytest.raises(BadLink) as caught:
        link_of(envelope(message_id, total))
    assert told in str(caught.value)


def test_refusals_are_short() -> None:
    """What is shown of a huge value is its beginning: it goes into a record's header."""
    with pytest.raises(BadLink) as caught:
        link_of(envelope("x" * 1_000_000, 2))
    assert len(str(caught.value)) < 300


class Chain:
    """One that nothing came of yet."""

    def __init__(self) -> None:
        self.total, self.next_index = -1, 0
        self.ahead: list[int] = []


@given(
    st.integers(1, 8).flatmap(
        lambda total: st.lists(st.integers(0, total - 1)).map(lambda order: (total, order))
    )
)
def test_a_chain_is_whole_once_each_link_came(drawn: tuple[int, list[int]]) -> None:
    """In whatever order, and each of them counts once."""
    total, order = drawn
    chain, came = Chain(), set[int]()
    for index in order:
        link = Link(index, total)
        assert has_come(chain, link) == (index in came)
        if not has_come(chain, link):
            came.add(index)
            assert follow(chain, link) == (len(came) == total)
    assert set(range(chain.next_index)) | set(chain.ahead) == came


def test_a_chain_without_links_is_whole_at_once() -> None:
    """Its one message says so, and as often as it likes."""
    chain, link = Chain(), Link(-1, 0)
    assert not has_come(chain, link)
    assert follow(chain, link)
    assert not has_come(chain, link)
