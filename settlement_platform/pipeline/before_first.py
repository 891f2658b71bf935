"""Business dates before the first one, which no sensor or schedule looks at."""

from dataclasses import replace
from datetime import date

from settlement_platform.control.publishing import Move
from settlement_platform.pipeline.outlook import Outlook


def told_early(outlook: Outlook, first_date: date) -> Outlook:
    """The same, and that it lies before the first date, where it does: whatever is missing, nothing waits for it.

    What is published stands, and a mart follows what is published whatever its date.
    """
    day = outlook.business_date
    followed = outlook.inputs is None and outlook.decision.move is not Move.WAIT
    if day >= first_date or outlook.publication or followed:
        return outlook
    why = f"{day} lies before the first date, {first_date} (SETTLEMENT_FIRST_DATE), and is not looked at"
    reasons = (why, *(outlook.decision.reasons if outlook.verdict else ()))
    pending = replace(outlook.state.pending, reasons=reasons) if outlook.state.pending else None
    return replace(
        outlook,
        state=replace(outlook.state, pending=pending, reasons=reasons),
        decision=replace(outlook.decision, reasons=reasons),
        early=True,
    )
