"""Putting a try on record, step by step, so that one that died says how far it got."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

from settlement_platform.control.facts import Attempt
from settlement_platform.control.failures import SettlementError
from settlement_platform.control.publishing import Move
from settlement_platform.pipeline.concluded import Concluded
from settlement_platform.pipeline.platform import Platform, Request

_OUTCOMES = {
    Move.PUBLISH: "succeeded",
    Move.ALREADY_PUBLISHED: "succeeded",
    Move.REFUSE: "refused",
    Move.WITHDRAWN: "refused",
    Move.WAIT: "waiting",
    Move.HOLD: "waiting",
}


@dataclass(frozen=True, kw_only=True)
class AttemptLog:
    """One try to move a business date; its identity is made with it."""

    platform: Platform
    dataset: str
    business_date: date
    request: Request
    attempt_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    def record(self, step: str, outcome: str, *, content_hash: str = "", detail: str = "") -> None:
        """Append what became of a step."""
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
            )
        )

    def end(self, step: str, concluded: Concluded) -> Concluded:
        """Append what the try came to."""
        decision = concluded.decision
        self.record(
            step,
            _OUTCOMES[decision.move],
            content_hash=concluded.content_hash or "",
            detail="; ".join(decision.reasons),
        )
        return concluded

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Put a failure of the step on record, and let it go on."""
        try:
            yield
        except SettlementError as failure:
            self.record(name, "failed", detail=str(failure))
            raise
