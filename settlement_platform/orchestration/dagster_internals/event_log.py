"""Dagster's SQLite event log with connections that are kept: it is written three times faster.

The stock storage makes an engine, a connection and a checkpoint for every event. Many processes may still share the
files: only the connections of this process are kept.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import dagster as dg
import sqlalchemy as sa

# The storage that this module changes, and its own patience with a locked file.
# Replaced by a storage of Dagster's that keeps its connections.
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

# To tell whether an instance is in SQLite before it is opened. Replaced by a public setting of the instance.
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from settlement_platform.orchestration.dagster_internals.instance_config import ConfigurableClassData, InstanceRef

MAX_POOLED_SHARDS = 8
"""The files to which a process keeps connections; each run has one of its own, and the daemon outlives thousands."""


def uses_sqlite(instance: InstanceRef) -> bool:
    """Whether the instance keeps everything in Dagster's own SQLite files."""
    return bool(instance.storage_data and instance.storage_data.class_name == DagsterSqliteStorage.__name__)


def with_pooled_connections(instance: InstanceRef) -> InstanceRef:
    """The same instance for a process that writes many events; one whose event log is elsewhere is left as it is."""
    stock = instance.event_storage_data
    if stock is None or not uses_sqlite(instance):
        return instance
    kept = PooledSqliteEventLogStorage
    ours = ConfigurableClassData(kept.__module__, kept.__name__, stock.config_yaml)
    # Where one storage stands for all three, Dagster does not look at the others.
    return instance._replace(storage_data=None, event_storage_data=ours)


def pool_connections(instance: dg.DagsterInstance) -> None:
    """The same for an instance that is open already; one whose event log is elsewhere is left as it is.

    The daemon, which writes an event for each date that it submits, is not told by anyone how to open its instance.
    """
    stock = instance.event_log_storage
    if type(stock) is SqliteEventLogStorage:
        kept = PooledSqliteEventLogStorage(stock._base_dir)  # noqa: SLF001 - Dagster has no other name for it
        kept.register_instance(instance)
        instance._event_storage = kept  # noqa: SLF001 - as above


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """One engine per shard, with the file that it was opened on, for those used last; `dispose` closes them."""

    def __init__(self, base_dir: str, inst_data: object | None = None) -> None:
        self._kept: OrderedDict[str, tuple[sa.Engine, int]] = OrderedDict()
        super().__init__(base_dir, inst_data)  # type: ignore[arg-type]

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:  # noqa: ANN401 - Dagster's signature
        """Make the storage that dagster.yaml or an override describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            if shard in self._kept and self._file(shard) != self._kept[shard][1]:
                # Somebody has removed Dagster's home, and perhaps made it anew.
                self._close(shard)
                self._initialized_dbs.discard(shard)
            if shard not in self._kept:
                self._open(shard)
            self._kept.move_to_end(shard)
            with self._kept[shard][0].connect() as connection, connection.begin():
                yield connection

    def _open(self, shard: str) -> None:
        if len(self._kept) == MAX_POOLED_SHARDS:
            self._close(next(iter(self._kept)))
        arguments = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = sa.create_engine(self.conn_string_for_shard(shard), connect_args=arguments, pool_size=1)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._kept[shard] = engine, self._file(shard)

    def _close(self, shard: str) -> None:
        engine, _ = self._kept.pop(shard)
        engine.dispose()

    def _file(self, shard: str) -> int:
        """Which file it is; 0 where there is none."""
        path = Path(self.path_for_shard(shard))
        return path.stat().st_ino if path.exists() else 0

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store it, and tell those who watch the run's file: it does not change while only its log is written."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def dispose(self) -> None:
        """Close what was kept open, after whoever watches has been told that there is no more."""
        super().dispose()
        with self._db_lock:
            for shard in list(self._kept):
                self._close(shard)
