"""The work of other processes on a ledger while a test watches."""

from settlement_platform.storage.ledger.open import open_ledger
from settlement_platform_tests.builders import NOW, an_attempt


def append_attempts(url: str, writer: str, count: int) -> None:
    """Open the ledger, creating it if need be, and append facts one by one."""
    ledger = open_ledger(url, now=NOW)
    for number in range(count):
        ledger.append(an_attempt(attempt_id=f"{writer}-{number}"))
    ledger.engine.dispose()
