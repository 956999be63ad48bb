"""Records of the resources, in one SQLite file, durable at once.

A record is a JSON object in the shape of its Describe answer. Timestamps are epoch seconds (float, milliseconds kept).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pocketaws import faults
from pocketaws.settings import kebab

Record = dict[str, Any]


def now() -> float:
    """Epoch seconds, to the millisecond, as AWS stamps its records."""
    return round(time.time(), 3)


class Store:
    """Kind and name → record.

    One connection behind one lock: SQLite serialises writers anyway, and a read takes some tens of microseconds.
    WAL with ``synchronous=NORMAL`` keeps every committed record when the process is killed.

    Args:
        path: The SQLite file; its folder is made when absent.
        region: Region named in the faults' ARNs.
        account: Account named in the faults' ARNs.
    """

    def __init__(self, path: Path, *, region: str = "us-east-1", account: str = "123456789012") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._arn = f"arn:aws:sagemaker:{region}:{account}:"
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records"
            " (number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL,"
            " UNIQUE (kind, name))"
        )

    def create(self, kind: str, name: str, record: Record) -> Record:
        """Keep a new record.

        Raises:
            Fault: The name is taken; worded as AWS words it for this kind.
        """
        try:
            with self._lock:
                self._db.execute(
                    "INSERT INTO records (kind, name, record) VALUES (?, ?, ?)", (kind, name, json.dumps(record))
                )
        except sqlite3.IntegrityError:
            raise faults.already_exists(kind, self._arn_of(kind, name)) from None
        return record

    def get(self, kind: str, name: str) -> Record:
        """The record.

        Raises:
            Fault: There is none; worded as AWS words it for this kind.
        """
        record = self.find(kind, name)
        if record is None:
            raise faults.not_found(kind, name, self._arn_of(kind, name))
        return record

    def find(self, kind: str, name: str) -> Record | None:
        with self._lock:
            row = self._db.execute("SELECT record FROM records WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def update(self, kind: str, name: str, **changes: Any) -> Record:
        """Set members of a record, atomically; a value of ``None`` removes the member.

        ``LastModifiedTime`` is set too, unless the changes name it.

        Returns:
            The record after the change.

        Raises:
            Fault: There is no such record.
        """
        return self.change(kind, name, lambda _: changes)

    def change(self, kind: str, name: str, decide: Callable[[Record], Record]) -> Record:
        """As ``update``, with the changes decided from the record as it stands; nobody else can write in between.

        Args:
            kind: The API's word.
            name: The resource's name.
            decide: Takes the record, returns the changes. May raise a ``Fault``: then nothing is changed.
        """
        with self._lock:
            record = self.get(kind, name)
            changes = {"LastModifiedTime": now(), **decide(record)}
            record = {key: value for key, value in {**record, **changes}.items() if value is not None}
            self._db.execute(
                "UPDATE records SET record = ? WHERE kind = ? AND name = ?", (json.dumps(record), kind, name)
            )
        return record

    def delete(self, kind: str, name: str) -> None:
        """Forget a record.

        Raises:
            Fault: There is no such record.
        """
        with self._lock:
            if not self._db.execute("DELETE FROM records WHERE kind = ? AND name = ?", (kind, name)).rowcount:
                raise faults.not_found(kind, name, self._arn_of(kind, name))

    def all(self, kind: str) -> list[Record]:
        """Every record of a kind, oldest first."""
        with self._lock:
            rows = self._db.execute("SELECT record FROM records WHERE kind = ? ORDER BY number", (kind,)).fetchall()
        return [json.loads(record) for (record,) in rows]

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _arn_of(self, kind: str, name: str) -> str:
        return name if name.startswith("arn:") else f"{self._arn}{kebab(kind)}/{name.lower()}"
