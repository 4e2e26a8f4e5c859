"""The version stands in flrouter/__init__.py; what must repeat it says the same."""

from __future__ import annotations

import re

import yaml

from flrouter import __version__
from tests.release.archives import PACKAGE, ROOT


def test_the_chart_is_of_this_version() -> None:
    """Its own, and that of the image which it runs when no tag is given."""
    chart = yaml.safe_load((PACKAGE.parent / "deploy/helm/flrouter/Chart.yaml").read_text("utf-8"))
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_the_asyncapi_document_is_of_this_version() -> None:
    """As the OpenAPI document, which is made from the code."""
    document = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text("utf-8"))
    assert document["info"]["version"] == __version__


def test_the_changelog_has_this_version() -> None:
    """It is the newest one, below what is not released yet."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)[:2] == ["Unreleased", __version__]
