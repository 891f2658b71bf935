"""The attempt log: records each step of an attempt, so that one that died shows how far it got."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date

from settlement_platform.control.facts import Attempt, AttemptOutcome, AttemptStep
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.publishing.gate import Action
from settlement_platform.pipeline.outcome import DateOutcome
from settlement_platform.pipeline.platform import LedgerAccess, LedgerStores, Request

_OUTCOMES = {
    Action.PUBLISH: AttemptOutcome.SUCCEEDED,
    Action.ALREADY_PUBLISHED: AttemptOutcome.SUCCEEDED,
    Action.REFUSE: AttemptOutcome.REFUSED,
    Action.WITHDRAWN: AttemptOutcome.REFUSED,
    Action.WAIT: AttemptOutcome.WAITING,
    Action.AWAITING_OPERATOR: AttemptOutcome.WAITING,
}


@dataclass(frozen=True, kw_only=True)
class AttemptLog:
    """One attempt on a business date; its identity is made with it."""

    platform: LedgerAccess
    dataset: str
    business_date: date
    request: Request
    attempt_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    _begun: set[AttemptStep] = field(default_factory=set, repr=False)

    def record(
        self,
        step: AttemptStep,
        outcome: AttemptOutcome,
        *,
        content_hash: str = "",
        detail: str = "",
        dependency: str = "",
    ) -> None:
        """Append the outcome of a step."""
        self._begun.add(step)
        self.platform.ledger.append(
            Attempt(
                attempt_id=self.attempt_id,
                dataset=self.dataset,
                business_date=self.business_date,
                step=step,
                outcome=outcome,
                recorded_at=self.platform.clock(),
                content_hash=content_hash,
                detail=detail,
                run_id=self.request.run_id,
                retry=self.request.retry,
                dependency=dependency,
            )
        )

    def end(self, step: AttemptStep, result: DateOutcome) -> DateOutcome:
        """Append the outcome of the attempt."""
        decision = result.decision
        self.record(
            step,
            _OUTCOMES[decision.action],
            content_hash=result.content_hash or "",
            detail="; ".join(decision.reasons),
        )
        return result

    @contextmanager
    def step(self, name: AttemptStep) -> Iterator[None]:
        """Record the beginning of the step, once, and its failure; the failure is raised again.

        Of an error of the program only the kind is recorded, since its text may hold delivered values. An interruption
        is not recorded: nothing failed.
        """
        if name not in self._begun:
            self.record(name, AttemptOutcome.STARTED)
        try:
            yield
        except SettlementError as failure:
            self._fail(name, str(failure), failure.dependency)
            raise
        except Exception as error:
            if interruption_behind(error) is None:
                self._fail(name, f"an error of the program, {type(error).__name__}", "")
            raise

    def _fail(self, step: AttemptStep, detail: str, dependency: str) -> None:
        # Where the ledger itself does not answer, the failure that it caused is the one to report.
        with suppress(SettlementError):
            self.record(step, AttemptOutcome.FAILED, detail=detail, dependency=dependency)


def record_unavailable_stores(
    facts: LedgerStores, dataset: str, dates: Sequence[date], request: Request, failure: SettlementError
) -> None:
    """Record, once for all dates of a step, that the stores could not be opened."""
    attempt = AttemptLog(platform=facts, dataset=dataset, business_date=min(dates), request=request)
    attempt.record(AttemptStep.OPEN, AttemptOutcome.FAILED, detail=str(failure), dependency=failure.dependency)


def interruption_behind(error: BaseException) -> BaseException | None:
    """Return the interruption that an error arose from, if any.

    A signal's handler raises in whatever the main thread does. DuckDB then ends the query, and reports an ordinary
    error with the interruption as its cause.
    """
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        if not isinstance(found, Exception):
            return found
        seen.add(id(found))
        found = found.__cause__ or found.__context__
    return None
