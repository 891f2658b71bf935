"""Dagster's SQLite event log with pooled connections, which makes writing three times faster.

Dagster's own storage makes an engine, a connection and a checkpoint for every event. Many processes may still share the
files: each pools only its own connections.
"""

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import dagster as dg
import sqlalchemy as sa

# The storage that this module changes, and its timeout on a locked file.
# Replaced by a storage of Dagster's that pools its connections.
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS

# To tell whether an instance is in SQLite before it is opened. Replaced by a public setting of the instance.
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage

from settlement_platform.orchestration.dagster_internals.instance_config import ConfigurableClassData, InstanceRef

MAX_POOLED_SHARDS = 8
"""The most files with pooled connections: each run has a file of its own, and the daemon outlives thousands."""


def uses_sqlite(instance: InstanceRef) -> bool:
    """Return whether the instance stores everything in Dagster's own SQLite files."""
    return bool(instance.storage_data and instance.storage_data.class_name == DagsterSqliteStorage.__name__)


def with_pooled_connections(instance: InstanceRef) -> InstanceRef:
    """Return the reference with a pooled event log, if it is in SQLite; otherwise unchanged."""
    stock = instance.event_storage_data
    if stock is None or not uses_sqlite(instance):
        return instance
    storage = PooledSqliteEventLogStorage
    ours = ConfigurableClassData(storage.__module__, storage.__name__, stock.config_yaml)
    # Where one storage is configured for all three, Dagster ignores the others.
    return instance._replace(storage_data=None, event_storage_data=ours)


def pool_connections(instance: dg.DagsterInstance) -> None:
    """Pool the event log of an open instance, if it is in SQLite.

    The daemon writes an event for each date that it submits, and opens its instance itself.
    """
    stock = instance.event_log_storage
    if type(stock) is SqliteEventLogStorage:
        storage = PooledSqliteEventLogStorage(stock._base_dir)  # noqa: SLF001 - Dagster has no other name for it
        storage.register_instance(instance)
        instance._event_storage = storage  # noqa: SLF001 - as above


class PooledSqliteEventLogStorage(SqliteEventLogStorage):
    """An event log with one engine per shard, for the shards used last; `dispose` closes them."""

    def __init__(self, base_dir: str, inst_data: object | None = None) -> None:
        self._pooled: OrderedDict[str, tuple[sa.Engine, int]] = OrderedDict()
        self._tables: set[str] = set()
        super().__init__(base_dir, inst_data)  # type: ignore[arg-type]

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> Self:  # noqa: ANN401 - Dagster's signature
        """Make the storage that dagster.yaml or an override describes."""
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            if shard in self._pooled and self._file(shard) != self._pooled[shard][1]:
                # Dagster's home was removed, and perhaps made again.
                self._close(shard)
                self._initialized_dbs.discard(shard)
                self._tables.clear()
            if shard not in self._pooled:
                self._open(shard)
            self._pooled.move_to_end(shard)
            with self._pooled[shard][0].connect() as connection, connection.begin():
                yield connection

    def _open(self, shard: str) -> None:
        if len(self._pooled) == MAX_POOLED_SHARDS:
            self._close(next(iter(self._pooled)))
        arguments = {"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False}
        engine = sa.create_engine(self.conn_string_for_shard(shard), connect_args=arguments, pool_size=1)
        if shard not in self._initialized_dbs:
            self._initdb(engine)
            self._initialized_dbs.add(shard)
        self._pooled[shard] = engine, self._file(shard)

    def _close(self, shard: str) -> None:
        engine, _ = self._pooled.pop(shard)
        engine.dispose()

    def _file(self, shard: str) -> int:
        """Return the inode of a shard's file; 0 where there is none."""
        try:
            return os.stat(self.path_for_shard(shard)).st_ino  # noqa: PTH116 - called for every event
        except FileNotFoundError:
            return 0

    def has_table(self, table_name: str) -> bool:
        """Return whether the index has a table; Dagster asks several times for each asset check."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event, and touch the run's file for its watchers: writing its log does not change the file."""
        super().store_event(event)
        os.utime(self.path_for_shard(event.run_id))

    def dispose(self) -> None:
        """Close the pooled connections, after the watchers have ended."""
        super().dispose()
        with self._db_lock:
            for shard in list(self._pooled):
                self._close(shard)
