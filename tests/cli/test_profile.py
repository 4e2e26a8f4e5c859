"""`flrouter profile`: the profiles, as docs/profiles.md shows them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flrouter import profiles
from tests.cli.command import typed


def test_all_are_listed() -> None:
    """With what each is for."""
    listed = typed("profile", "list").stdout
    found = json.loads(typed("profile", "list", "--json").stdout)
    assert [row["profile"] for row in found] == list(profiles.OWN)
    for row in found:
        assert row["profile"] in listed
        assert row["about"] in listed


@pytest.mark.parametrize("name", profiles.OWN)
def test_one_is_shown_as_it_is(name: str) -> None:
    """What is printed is a profile again."""
    shown = typed("profile", "show", name).stdout
    assert shown == profiles.text_of(name)
    assert profiles.read(shown) == profiles.load(name)


def test_one_of_ones_own_is_shown_whole(tmp_path: Path) -> None:
    """With the topics of the one that it extends; a wrong one is refused."""
    path = tmp_path / "mine.toml"
    path.write_text('extends = "plain"\nacknowledges = false', "utf-8")
    shown = json.loads(typed("profile", "show", str(path), "--json").stdout)
    assert shown["write"] == ["kilda.fl.{fl}.write"]
    assert shown["acknowledges"] is False
    path.write_text("nothing = 1", "utf-8")
    refused = typed("profile", "show", str(path))
    assert refused.exit_code == 2
    assert "unknown field" in refused.stderr
