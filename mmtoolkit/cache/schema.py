"""Tables of the SQLite index, brought up to date by numbered migrations."""

from __future__ import annotations

import sqlite3

__all__ = ["MIGRATIONS", "VERSION", "migrate", "version_of"]


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    # 1: segments (one per model and dimension), the spaces inside them, their rows, and the rows given up
    (
        "CREATE TABLE segments (id INTEGER PRIMARY KEY, model TEXT NOT NULL, dimension INTEGER NOT NULL, "
        "stem TEXT NOT NULL, rows INTEGER NOT NULL, UNIQUE (model, dimension))",
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, "
        "revision TEXT NOT NULL, params TEXT NOT NULL, UNIQUE (segment, revision, params))",
        "CREATE TABLE vectors (key BLOB NOT NULL, space INTEGER NOT NULL, row INTEGER NOT NULL, "
        "checksum INTEGER NOT NULL, created INTEGER NOT NULL, PRIMARY KEY (key, space)) WITHOUT ROWID",
        "CREATE TABLE holes (segment INTEGER NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (segment, row)) WITHOUT ROWID",
    ),
    # 2: digests of local files that have not changed
    ("CREATE TABLE files (path BLOB PRIMARY KEY, stamp TEXT NOT NULL, digest BLOB NOT NULL) WITHOUT ROWID",),
    # 3: batches not yet sorted into the index (keys of 32 bytes and checksums of 10 digits in a row), and all together
    (
        "CREATE TABLE fresh (id INTEGER PRIMARY KEY, space INTEGER NOT NULL, first INTEGER NOT NULL, "
        "created INTEGER NOT NULL, keys BLOB NOT NULL, sums TEXT NOT NULL)",
        "CREATE VIEW entries AS SELECT key, space, row, checksum, created FROM vectors UNION ALL "
        "SELECT substr(f.keys, 32 * n.i + 1, 32), f.space, f.first + n.i, "
        "CAST(substr(f.sums, 10 * n.i + 1, 10) AS INTEGER), f.created FROM fresh f JOIN ("
        "WITH RECURSIVE numbers(i) AS (SELECT 0 UNION ALL "
        "SELECT i + 1 FROM numbers WHERE i + 1 < (SELECT max(length(keys)) / 32 FROM fresh)) SELECT i FROM numbers"
        ") n ON n.i < length(f.keys) / 32",
    ),
)
VERSION = len(MIGRATIONS)


def version_of(db: sqlite3.Connection) -> int:
    """Return the version of the tables, 0 where there are none."""
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def migrate(db: sqlite3.Connection) -> None:
    """Bring the tables from the version they have to `VERSION`, inside the caller's transaction."""
    for version in range(version_of(db), VERSION):
        for command in MIGRATIONS[version]:
            db.execute(command)
        db.execute(f"PRAGMA user_version = {version + 1}")
