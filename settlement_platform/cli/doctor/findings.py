"""A finding of `settlement doctor`."""

from collections.abc import Callable
from dataclasses import dataclass

from settlement_platform.control.failures import SettlementError


@dataclass(frozen=True, kw_only=True)
class DoctorFinding:
    """One check: its subject, whether it is well, what was seen, and the remedy if it is not."""

    subject: str
    well: bool
    seen: str
    remedy: str = ""


def finding_from(subject: str, examine: Callable[[], str], remedy: str) -> DoctorFinding:
    """Return the finding of `examine`; `remedy` is used where its failure names none."""
    try:
        return DoctorFinding(subject=subject, well=True, seen=examine())
    except SettlementError as error:
        return DoctorFinding(subject=subject, well=False, seen=error.message, remedy=error.remedy or remedy)
