"""The form of a mart's declaration."""

import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import pandera.ibis as pa

from settlement_platform.control.landing.content_hash import canonical_sha256
from settlement_platform.control.policies import Timeliness
from settlement_platform.control.queue.write_budget import WriteLimits
from settlement_platform.control.roles import Roles
from settlement_platform.control.timeliness.recompute_window import RECOMPUTE_WINDOW
from settlement_platform.datasets.contract import Contract, compile_contract


@dataclass(frozen=True, kw_only=True)
class Mart:
    """The declaration of one mart: what the platform needs to build, check and publish it.

    `<name>.sql` beside the declaration selects the mart's rows of one business date; each input is a relation of
    that name which holds only that date's published rows. `reconciles` maps a mart's column to the expression over
    the input that must have the same sum. `provisional` says that it follows a provisional input.
    """

    name: str
    description: str
    owner: str
    criticality: str
    schema: type[pa.DataFrameModel]
    inputs: tuple[str, ...]
    key: tuple[str, ...]
    reconciles: Mapping[str, str]
    timeliness: Timeliness
    provisional: bool = False
    roles: Roles = field(default_factory=Roles)
    write_limits: WriteLimits = field(default_factory=WriteLimits)

    @cached_property
    def sql(self) -> str:
        """The text of its SQL file."""
        return importlib.resources.files(__package__).joinpath(f"{self.name}.sql").read_text(encoding="utf-8")

    @cached_property
    def contract(self) -> Contract:
        """Columns, rules and fingerprint, compiled once per process."""
        return compile_contract(self.schema, policy=[self.name, self.key, dict(self.reconciles)])

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the mart would hold other rows for the same inputs."""
        return canonical_sha256([self.contract.fingerprint, self.sql])

    @property
    def recompute_window(self) -> timedelta:
        """The usual window: a mart follows its inputs whenever they change."""
        return RECOMPUTE_WINDOW

    @property
    def published_columns(self) -> tuple[tuple[str, str], ...]:
        """Name and SQL type of every column that readers see, in order."""
        return tuple((c.name, c.sql_type) for c in self.contract.columns)
