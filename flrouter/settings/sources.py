"""Where settings come from, a TOML file and the environment, and the error for a wrong one."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from flrouter.profiles import OWN

PREFIX = "FLROUTER_"
#: in a file, these are relative to it.
_PATHS = {"data_dir", "profile"} | {
    f"{whose}_{file}" for whose in ("ssl", "web") for file in ("cafile", "certfile", "keyfile")
}


class BadSetting(ValueError):
    """A setting is not valid; the text has its name, value and origin, and what is allowed."""

    def __init__(self, name: str, shown: str, problem: str, origin: str = "given in code") -> None:
        super().__init__(f"setting {name} is {shown} ({origin}): {problem}")
        self.name = name
        self._parts = (name, shown, problem)

    def from_origin(self, origin: str) -> BadSetting:
        """The same, for a value that came from `origin`."""
        return BadSetting(*self._parts, origin)


def _unknown(name: str, names: Collection[str], origin: str, prefix: str = "") -> BadSetting:
    # The value is not shown: it may be a password with a mistyped name.
    near = difflib.get_close_matches(name.removeprefix(prefix).lower(), names, 1, 0.5)
    known = f"{prefix}{near[0].upper() if prefix else near[0]}" if near else ""
    return BadSetting(
        name, "unknown", f"did you mean {known}?" if near else "see docs/settings.md", origin
    )


def from_file(path: Path, names: Collection[str]) -> Iterator[tuple[str, Any, str]]:
    """(name, value, origin) of each setting in a TOML file; paths are relative to that.

    Raises:
        BadSetting: it cannot be read, or has a setting that there is not.
    """
    origin = f"from {path}"
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        problem = f"expected a readable TOML file: {error}"
        raise BadSetting("config", repr(str(path)), problem, f"from {PREFIX}CONFIG") from None
    for key, value in table.items():
        name = key.lower()
        if name not in names or key not in {name, name.upper()}:
            raise _unknown(key, names, origin)
        is_path = name in _PATHS and isinstance(value, str) and value and value not in OWN
        yield name, str(path.parent / value) if is_path else value, origin


def from_environment(
    environ: Mapping[str, str], names: Collection[str]
) -> Iterator[tuple[str, Any, str]]:
    """(name, value, origin) of each setting in these environment variables.

    Raises:
        BadSetting: there is no such setting.
    """
    known = {f"{PREFIX}{name.upper()}": name for name in names}
    for variable, value in environ.items():
        is_setting = variable.startswith(PREFIX) and not variable.startswith(f"{PREFIX}TEST_")
        if not is_setting or variable == f"{PREFIX}CONFIG":
            continue
        if variable not in known:
            raise _unknown(variable, names, "from the environment", PREFIX)
        yield known[variable], value, f"from the environment, {variable}"
