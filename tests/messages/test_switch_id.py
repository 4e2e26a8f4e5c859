"""One switch has one canonical id, however it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flrouter.messages.switch_id import BadSwitchId, canonical

numbers = st.integers(0, 2**64 - 1)


def colons(number: int) -> str:
    """The canonical form, made another way."""
    return ":".join(f"{byte:02x}" for byte in number.to_bytes(8, "big"))


@given(number=numbers, upper=st.booleans())
def test_all_forms_are_one_switch(number: int, *, upper: bool) -> None:
    """Colons, dashes, `0x…`, bare hex and short forms are the same, in upper and lower case."""
    short = ":".join(f"{byte:x}" for byte in number.to_bytes(8, "big"))
    forms = [colons(number), short, f"0x{number:016x}", f"0x{number:x}", f"{number:016x}"]
    forms += [f"{number:x}", colons(number).replace(":", "-"), short.replace(":", "-")]
    for form in forms:
        text = form.upper() if upper else form
        assert canonical(text) == colons(number)


@given(number=numbers)
def test_canonical_is_stable(number: int) -> None:
    """The canonical form is its own canonical form."""
    assert canonical(canonical(f"{number:x}")) == canonical(colons(number))


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("00:09", 9), ("1:2:3", 0x010203), ("0XaB", 0xAB)]
)
def test_short_forms(text: str, number: int) -> None:
    """What is missing at the front is nought."""
    assert canonical(text) == colons(number)


@pytest.mark.parametrize(
    "given_id",
    [
        None,
        7,
        True,
        [],
        "",
        " 1",
        "1\n",
        "0x",
        "xyz",
        ":",
        "1:",
        "1::2",
        "123:1",
        "1:2:3:4:5:6:7:8:9",
        "1" * 17,
        "0x" + "1" * 17,
        "٣",
        "-1",
        "1-",
        "1--2",
        "0x1-2",
    ],
)
def test_no_switch_ids(given_id: object) -> None:
    """Anything else is refused by name, with what is allowed."""
    with pytest.raises(BadSwitchId, match="is no switch id: expected eight colon-separated") as why:
        canonical(given_id)
    assert str(why.value).startswith(repr(given_id))


@pytest.mark.parametrize("huge", ["x" * 1_000_000, ["x" * 1000] * 1000, {"a": {"b": [[[[1]]]]}}])
def test_refusals_are_short(huge: object) -> None:
    """What is shown of a huge value is its beginning: it goes into an answer."""
    with pytest.raises(BadSwitchId) as caught:
        canonical(huge)
    assert len(str(caught.value)) < 600


@given(text=st.text("0123456789abcdefxX:-", max_size=26))
def test_text_is_a_switch_id_or_refused(text: str) -> None:
    """There is no third outcome, and every id has 23 characters."""
    try:
        assert len(canonical(text)) == 23
    except BadSwitchId:
        assert not text.isdigit() or not 1 <= len(text) <= 16
