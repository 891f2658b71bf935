"""The recorded facts, as immutable values; nothing here decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Self


class State(StrEnum):
    """The states of a business date; the values are what readers and operators see."""

    WAITING = "waiting"
    LATE = "late"
    STAGED = "staged"
    QUARANTINED = "quarantined"
    PROVISIONAL = "provisional"
    FINAL = "final"
    RESTATED = "restated"
    ROLLED_BACK = "rolled_back"
    SKIPPED = "skipped"
    NOT_EXPECTED = "not_expected"


class Severity(StrEnum):
    """The severity of a check: a failing `ERROR` closes the gate, a failing `WARN` does not."""

    ERROR = "error"
    WARN = "warn"


class _RecordedName(StrEnum):
    """A name as the ledger holds it; one that this version does not know becomes a member of its own."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Another version may have written it: a ledger must open whatever names it holds.
        member = str.__new__(cls, value)
        member._name_, member._value_ = value.upper(), value
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value]


class AttemptStep(_RecordedName):
    """Steps of an attempt on a business date; `PROBE` and `SCAN` are recorded beside attempts."""

    OPEN = "open"
    LAND = "land"
    STAGE = "stage"
    VALIDATE = "validate"
    BUILD = "build"
    PUBLISH = "publish"
    PROBE = "probe"
    SCAN = "look"


class AttemptOutcome(_RecordedName):
    """How a step of an attempt ended; `STARTED` says that it has not ended yet."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    WAITING = "waiting"
    REFUSED = "refused"
    FAILED = "failed"


class OperatorActionType(_RecordedName):
    """Everything that operators do on record; for some of it a dataset may require a role."""

    PAUSE = "pause"
    RESUME = "resume"
    RERUN = "rerun"
    REJUDGE = "rejudge"
    REJUDGED = "rejudged"
    SKIP = "skip"
    RELEASE = "release"
    DISCARD = "discard"
    APPROVE = "approve"
    ROLLBACK = "rollback"
    RESET_BREAKER = "reset_breaker"
    BACKFILL = "backfill"
    BACKFILL_CANCEL = "backfill_cancel"
    BACKFILL_PAUSE = "backfill_pause"
    BACKFILL_RESUME = "backfill_resume"
    BACKFILL_PRIORITY = "backfill_priority"
    TIDY = "tidy"
    TIDIED = "tidied"


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One delivered version of a source: its data file and the control file that completed it.

    `bytes` counts the data file as delivered; `signature` identifies both files without reading them, so that a known
    delivery is not hashed twice.
    """

    dataset: str
    business_date: date
    source: str
    key: str
    version: int
    sha256: str
    bytes: int
    control_key: str
    control_sha256: str
    signature: str
    observed_at: datetime
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One offending place in a delivered file; `value` never shows a card number.

    `line` counts from 1 in the decoded file, header included; `record` from 1, header excluded. Where records span
    lines, only the record may be known.
    """

    key: str
    line: int | None = None
    record: int | None = None
    column: str | None = None
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """The outcome of one validation rule, with the measured value and the allowed one."""

    name: str
    passed: bool
    message: str
    severity: Severity = Severity.ERROR
    measured: str = ""
    threshold: str = ""
    samples: tuple[Sample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Staging:
    """One source of a business date as an immutable Parquet file, with the findings of its text.

    `path` is empty when the delivery could not be read at all. `rows` counts data records of the delivered file, header
    excluded. `null_counts` gives the empty fields per column. `declared` is the content of the control file (empty when
    it cannot be read). `observations` are the checks that only the delivered text can answer. `one_line_records` is set
    when record n is on line n + 1. `key_range` is the least and the greatest key, as text; empty when not known.
    """

    dataset: str
    business_date: date
    source: str
    key: str
    input_hash: str
    data_sha256: str
    control_sha256: str
    data_bytes: int
    path: str
    sha256: str
    bytes: int
    rows: int
    staged_at: datetime
    null_counts: Mapping[str, int] = field(default_factory=dict)
    declared: Mapping[str, Any] = field(default_factory=dict)
    observations: tuple[Check, ...] = ()
    one_line_records: bool = True
    key_range: tuple[str, ...] = ()
    run_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The outcome of validation for exactly one content.

    `compared_with` maps the ISO business date of each published neighbour in the duplicate window to the content hash
    it had, so that publishing examines only what changed since. `key_ranges` is the least and greatest key of each
    source.
    """

    dataset: str
    business_date: date
    content_hash: str
    checks: tuple[Check, ...]
    decided_at: datetime
    rows: int = 0
    compared_with: Mapping[str, str] = field(default_factory=dict)
    key_ranges: tuple[tuple[str, str], ...] = ()
    run_id: str = ""

    @property
    def passed(self) -> bool:
        """Return whether no check of severity error failed."""
        return not self.failures

    @property
    def failures(self) -> tuple[Check, ...]:
        """Return the failed checks that close the gate."""
        return tuple(c for c in self.checks if not c.passed and c.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Check, ...]:
        """Return the failed checks that do not close the gate."""
        return tuple(c for c in self.checks if not c.passed and c.severity is Severity.WARN)


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The beginning or the end of one step of an attempt on a business date.

    An attempt whose last step is `STARTED` is running, or died there. `retry` counts from 0; `dependency` names the
    store that did not answer.
    """

    attempt_id: str
    dataset: str
    business_date: date
    step: AttemptStep
    outcome: AttemptOutcome
    recorded_at: datetime
    content_hash: str = ""
    detail: str = ""
    run_id: str = ""
    retry: int = 0
    dependency: str = ""


@dataclass(frozen=True, kw_only=True)
class OperatorAction:
    """One action of a person on a dataset or a date, with the reason; `detail` holds the action's parameters."""

    action: OperatorActionType
    dataset: str
    business_date: date | None
    actor: str
    reason: str
    recorded_at: datetime
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SourceUsed:
    """One input of a publication: a delivered file, or for a mart the generation of a published input.

    `control_sha256` is empty for a mart, and in records of older versions.
    """

    source: str
    key: str
    sha256: str
    bytes: int
    rows: int
    generation: int | None = None
    control_sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class CurrentPublication:
    """The current publication of one business date: as much of its record as decisions need."""

    dataset: str
    business_date: date
    generation: int
    state: State
    content_hash: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Publication(CurrentPublication):
    """The record that makes one content visible for one business date, stored in the lake beside the rows.

    `missing` lists the required sources that a provisional publication lacks; `completeness` is the share that it has.
    """

    sources: tuple[SourceUsed, ...]
    run_id: str
    code_version: str
    published_at: datetime
    actor: str
    reason: str
    missing: tuple[str, ...] = ()
    completeness: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Write:
    """Bytes of Parquet written for a business date of a table, on behalf of a service class.

    A merged file holds many business dates: it counts for the day, in UTC, on which it was written.
    """

    dataset: str
    business_date: date
    service_class: str
    bytes: int
    started_at: datetime
    recorded_at: datetime
    run_id: str = ""
