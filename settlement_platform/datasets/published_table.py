"""The common form of everything that is published, dataset or mart."""

from datetime import timedelta
from typing import Protocol

import pandera.ibis as pa

from settlement_platform.control.policies import Timeliness
from settlement_platform.control.queue.write_budget import WriteLimits
from settlement_platform.control.roles import Roles
from settlement_platform.datasets.contract import Contract


class PublishedTable(Protocol):
    """A declaration of a published table, as far as datasets and marts have it in common."""

    @property
    def name(self) -> str:
        """Name of the table, of its assets and of its place in every store."""

    @property
    def description(self) -> str:
        """One sentence for readers."""

    @property
    def owner(self) -> str:
        """Address of whoever is notified."""

    @property
    def criticality(self) -> str:
        """Weight of its runs in the queue."""

    @property
    def schema(self) -> type[pa.DataFrameModel]:
        """Columns with their descriptions and rules, as a pandera model."""

    @property
    def key(self) -> tuple[str, ...]:
        """Columns whose values are unique within a business date."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the published tables that it is built from; empty if it is delivered."""

    @property
    def timeliness(self) -> Timeliness:
        """Times by which a business date is expected, and those at which somebody is notified."""

    @property
    def roles(self) -> Roles:
        """Roles that operators need."""

    @property
    def recompute_window(self) -> timedelta:
        """Time after the end of a business date in which it is restated without a backfill."""

    @property
    def write_limits(self) -> WriteLimits:
        """Bytes that each service class may write to it."""

    @property
    def contract(self) -> Contract:
        """Columns, rules and fingerprint."""

    @property
    def published_columns(self) -> tuple[tuple[str, str], ...]:
        """Name and SQL type of every column that readers see, in order."""
