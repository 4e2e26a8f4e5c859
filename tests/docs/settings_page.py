"""`docs/settings.md`, made from the settings' own descriptions: `make settings` writes it."""

from __future__ import annotations

import dataclasses
import sys

from flrouter.settings.model import Settings


def as_markdown() -> str:
    """The text of `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "A setting is the environment variable `FLROUTER_<NAME>`, or a key of the TOML file that",
        "`FLROUTER_CONFIG` names (in lower or upper case; paths are relative to that file). The",
        "environment wins. A wrong value or an unknown name stops the start with a sentence that",
        "names it.",
        "",
        "| setting | default | allowed | what for |",
        "|---|---|---|---|",
    ]
    for field in dataclasses.fields(Settings):
        kind, default = field.metadata["kind"], field.default
        if isinstance(default, float):
            default = f"{default:g} s"
        elif isinstance(default, bool):
            default = str(default).lower()
        elif isinstance(default, tuple):
            default = ", ".join(default)
        shown = f"`{default}`" if default not in (None, "") else "nothing"
        row = (f"`{field.name.upper()}`", shown, kind.allowed, field.metadata["doc"])
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(as_markdown())
