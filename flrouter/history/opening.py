"""Which store the settings name."""

from __future__ import annotations

from pathlib import Path

from flrouter.history.sqlite import SqliteStore
from flrouter.history.store import Store
from flrouter.settings.model import Settings


def open_store(settings: Settings) -> Store:
    """The store that `HISTORY_DATABASE` names. It connects when it is first used."""
    database = settings.history_database
    if database.startswith("postgresql://"):
        # psycopg is an extra.
        from flrouter.history.postgresql import PostgresqlStore

        return PostgresqlStore(database)
    return SqliteStore(Path(database) if database else settings.data_path / "history")
