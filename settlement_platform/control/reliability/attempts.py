"""Attempts on a date, folded from their steps: how far each got, how it ended, and where it died."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from settlement_platform.control.facts import Attempt, AttemptOutcome, AttemptStep, Staging
from settlement_platform.control.reasons.reason import Reason
from settlement_platform.control.reasons.reliability import (
    ATTEMPT_BEGAN,
    ATTEMPT_DIED,
    ATTEMPT_DIED_AT_SOURCE,
    ATTEMPT_ENDED,
    ATTEMPT_IN_PROGRESS,
    RETRY_STORM,
    SOURCE_NOT_STAGED,
    SOURCE_STAGED,
)

NOT_ATTEMPTS = frozenset({AttemptStep.PROBE, AttemptStep.SCAN})
"""Steps that are recorded for a date without an attempt on it: a probe of a store, and a sensor's scan."""

DEAD_AFTER = timedelta(hours=6)
"""The longest that an attempt can run: `max_runtime_seconds` in dagster.yaml ends it."""

STORM_WINDOW = timedelta(hours=1)
STORM_RETRIES = 10


@dataclass(frozen=True, kw_only=True)
class AttemptSummary:
    """The summary of one attempt on one business date.

    `died` is set when its process ended without recording an outcome. `staged` gives the sources that it staged
    completely, with their rows; `unfinished` the others, the first of which it was staging if it died then.
    """

    attempt_id: str
    run_id: str
    step: AttemptStep
    outcome: AttemptOutcome
    began_at: datetime
    last_at: datetime
    retry: int = 0
    dependency: str = ""
    detail: str = ""
    died: bool = False
    staged: tuple[tuple[str, int], ...] = ()
    unfinished: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Return how far the attempt got and, where it died before its content was staged, what each source needs."""
        began = ATTEMPT_BEGAN(began_at=self.began_at, retry=self.retry, run_id=self.run_id)
        at = {"began": began, "step": self.step, "last_at": self.last_at}
        if self.outcome is not AttemptOutcome.STARTED:
            return (ATTEMPT_ENDED(**at, outcome=self.outcome, dependency=self.dependency, detail=self.detail),)
        if not self.died:
            return (ATTEMPT_IN_PROGRESS(**at),)
        if self.step is AttemptStep.STAGE and self.unfinished:
            return (ATTEMPT_DIED_AT_SOURCE(**at, source=self.unfinished[0]), *self._sources)
        return (ATTEMPT_DIED(**at), *(self._sources if self.step in {AttemptStep.LAND, AttemptStep.STAGE} else ()))

    @property
    def _sources(self) -> tuple[Reason, ...]:
        whole = tuple(SOURCE_STAGED(source=name, rows=rows) for name, rows in self.staged)
        return whole + tuple(SOURCE_NOT_STAGED(source=name) for name in self.unfinished)


def fold_attempts(
    attempts: Iterable[Attempt],
    stagings: Iterable[Staging],
    now: datetime,
    *,
    sources: Sequence[str] = (),
    idle: bool = False,
) -> tuple[AttemptSummary, ...]:
    """Fold the recorded steps and stagings of one date into its attempts, oldest first.

    A source is staged completely or not at all. One attempt at a time holds a date. So an attempt without an end has
    died once a later one began, once nobody holds the date (`idle`), or once it is older than any run may be. `sources`
    are the dataset's, in the order of staging.
    """
    steps: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.step not in NOT_ATTEMPTS:
            steps.setdefault(attempt.attempt_id, []).append(attempt)
    known, order = list(stagings), list(steps)
    return tuple(
        _story(
            steps[each],
            known,
            sources,
            abandoned=idle or each != order[-1] or now - steps[each][-1].recorded_at > DEAD_AFTER,
        )
        for each in order
    )


def _story(steps: list[Attempt], stagings: list[Staging], sources: Sequence[str], *, abandoned: bool) -> AttemptSummary:
    first, last = steps[0], steps[-1]
    made = {
        s.source: s.rows
        for s in stagings
        # Without a run, what was staged since the try began is taken for its own.
        if (s.run_id == first.run_id if first.run_id else s.staged_at >= first.recorded_at)
    }
    ordered = [s for s in sources if s in made] + sorted(set(made) - set(sources))
    return AttemptSummary(
        attempt_id=first.attempt_id,
        run_id=first.run_id,
        step=last.step,
        outcome=last.outcome,
        began_at=first.recorded_at,
        last_at=last.recorded_at,
        retry=first.retry,
        dependency=last.dependency,
        detail=last.detail,
        died=last.outcome is AttemptOutcome.STARTED and abandoned,
        staged=tuple((name, made[name]) for name in ordered),
        unfinished=tuple(name for name in sources if name not in made),
    )


@dataclass(frozen=True, kw_only=True)
class RetryStorm:
    """The retries that began within the window; `reasons` is empty unless they are a storm.

    A run that is retried counts once, however many dates it has.
    """

    retries: int
    since: datetime
    reasons: tuple[str, ...] = ()


def detect_retry_storm(attempts: Iterable[Attempt], now: datetime, *, threshold: int = STORM_RETRIES) -> RetryStorm:
    """Detect whether more than `threshold` retries began within the last hour, over all dates of `attempts`."""
    since = now - STORM_WINDOW
    began = {
        (a.run_id or a.attempt_id, a.retry): a
        for a in attempts
        if a.retry and a.step not in NOT_ATTEMPTS and since < a.recorded_at <= now
    }
    if len(began) <= threshold:
        return RetryStorm(retries=len(began), since=since)
    datasets = sorted({a.dataset for a in began.values()})
    reason = RETRY_STORM(retries=len(began), datasets=datasets, since=since, threshold=threshold)
    return RetryStorm(retries=len(began), since=since, reasons=(reason,))
