"""How a failed command ends: one sentence on standard error, and an exit code."""

import os
import sys
from collections.abc import Callable

from settlement_platform.control.failures import ActionRefused, SettlementError

DOCTOR_HINT = "Run `settlement doctor`: it checks everything and says how to fix it."
DONE, UNEXPECTED, WRONG_USAGE, REFUSED = 0, 1, 2, 3


class WrongUsage(SettlementError):
    """A command was called with arguments that make no sense."""


def exit_with_code(run: Callable[[], object]) -> None:
    """Run a command, and turn its failure into a sentence and an exit code."""
    try:
        run()
    except WrongUsage as error:
        _exit(error, WRONG_USAGE)
    except ActionRefused as error:
        _exit(error, REFUSED)
    except SettlementError as error:
        _exit(error, UNEXPECTED)
    except BrokenPipeError:
        # The reader of our output has closed it, as `| head` does; even a flush at exit would fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNEXPECTED)


def _exit(error: SettlementError, code: int) -> None:
    sys.stderr.write(f"settlement: {error.message}\n")
    remedy = error.remedy or (DOCTOR_HINT if code == UNEXPECTED else "")
    if remedy:
        sys.stderr.write(f"  {remedy}\n")
    sys.exit(code)
