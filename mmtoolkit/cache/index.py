"""The SQLite index: which key is at which row of which segment file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

__all__ = ["MIGRATIONS", "VERSION", "migrate"]


def _v1_vectors(db: sqlite3.Connection) -> None:
    db.execute(
        "CREATE TABLE segments (id INTEGER PRIMARY KEY, model TEXT NOT NULL, dimension INTEGER NOT NULL, "
        "file TEXT NOT NULL, rows INTEGER NOT NULL, UNIQUE (model, dimension))"
    )
    db.execute(
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, segment INTEGER NOT NULL REFERENCES segments, "
        "revision TEXT NOT NULL, params TEXT NOT NULL, UNIQUE (segment, revision, params))"
    )
    db.execute(
        "CREATE TABLE vectors (key BLOB NOT NULL, space INTEGER NOT NULL, row INTEGER NOT NULL, "
        "checksum INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (key, space)) WITHOUT ROWID"
    )


def _v2_files(db: sqlite3.Connection) -> None:
    db.execute("CREATE TABLE files (path TEXT PRIMARY KEY, stamp TEXT NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_v1_vectors, _v2_files)
VERSION = len(MIGRATIONS)


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables from the version they have to `VERSION`, inside the caller's transaction."""
    for version in range(db.execute("PRAGMA user_version").fetchone()[0], VERSION):
        MIGRATIONS[version](db)
        db.execute(f"PRAGMA user_version = {version + 1}")
