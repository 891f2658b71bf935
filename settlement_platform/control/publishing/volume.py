"""The volume check: is the number of rows plausible beside the same weekday's history?

Alone because deciding is control's, and measuring is the pipeline's.
"""

from collections.abc import Sequence
from statistics import median

from settlement_platform.control.facts import Check, Severity
from settlement_platform.control.policies import VolumeTolerance
from settlement_platform.control.reasons.publishing import HISTORY_TOO_SHORT, ROWS_BESIDE_HISTORY


def judge_volume(rows: int, history: Sequence[int], tolerance: VolumeTolerance) -> Check:
    """Compare `rows` with the median of `history` (rows of the same weekday, in any order); a failure only warns."""
    name = "volume_like_history"
    needed = max(1, tolerance.minimum_history)
    if len(history) < needed:
        message = str(HISTORY_TOO_SHORT(dates=len(history), needed=needed))
        return Check(name=name, passed=True, message=message, severity=Severity.WARN, measured=str(rows))
    usual = median(history)
    low, high = usual * tolerance.lowest_ratio, usual * tolerance.highest_ratio
    passed = low <= rows <= high
    message = str(ROWS_BESIDE_HISTORY(rows=rows, usual=usual))
    return Check(
        name=name,
        passed=passed,
        message=message,
        severity=Severity.WARN,
        measured=str(rows),
        threshold=f"{low:.0f} to {high:.0f}",
    )
