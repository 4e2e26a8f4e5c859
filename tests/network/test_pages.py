"""The page that shows the view."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

from flrouter.network.pages import POLICY, page
from flrouter.network.view import Link, Port, State, Switch


class Cells(HTMLParser):
    """The text of each table cell."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """A cell ends where the next one begins."""
        if tag == "td":
            self.found.append("")
        self._in_cell = tag in ("td", "span")

    def handle_data(self, data: str) -> None:
        """Take a cell's text."""
        if self._in_cell:
            self.found[-1] += data.strip()


def test_the_page_shows_switches_states_and_ports() -> None:
    """A row for each; ports that are gone are not shown."""
    ports = {2: Port(Link.DOWN, 1), 1: Port(Link.UP, 1), 3: Port(Link.GONE, 1)}
    text = page({"00:01": Switch(ports=ports), "<b>": Switch(State.UNMANAGED)})
    assert "1 online, 1 unmanaged, 0 offline" in text
    cells = Cells()
    cells.feed(text)
    assert cells.found == ["00:01", "online", "12", "<b>", "unmanaged", ""]
    assert 'class="down" title="DOWN">2<' in text


def test_browsers_take_the_page_s_own_style() -> None:
    """The policy names the style that is on the page, by its hash."""
    style = page({}).partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "default-src 'none'" in POLICY
