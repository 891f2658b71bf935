"""What one look of `settlement doctor` comes to."""

from collections.abc import Callable
from dataclasses import dataclass

from settlement_platform.control.failures import SettlementError


@dataclass(frozen=True, kw_only=True)
class DoctorFinding:
    """One thing that was looked at: whether it is well, what was seen, and what to do if it is not."""

    subject: str
    well: bool
    seen: str
    remedy: str = ""


def finding_from(subject: str, examine: Callable[[], str], remedy: str) -> DoctorFinding:
    """What a look saw; one that fails is not well, and `remedy` is what to do if the failure names none."""
    try:
        return DoctorFinding(subject=subject, well=True, seen=examine())
    except SettlementError as error:
        return DoctorFinding(subject=subject, well=False, seen=error.message, remedy=error.remedy or remedy)
