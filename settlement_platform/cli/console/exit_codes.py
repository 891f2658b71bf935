"""How a command ends when it cannot do what it was asked: one sentence on standard error, and an exit code."""

import os
import sys
from collections.abc import Callable

from settlement_platform.control.failures import ActionRefused, SettlementError

DOCTOR_HINT = "`settlement doctor` looks at everything, and says what to mend."


DONE, UNEXPECTED, WRONG_USAGE, REFUSED = 0, 1, 2, 3


class WrongUsage(SettlementError):
    """The command was called with something that cannot be meant."""


def exit_with_code(run: Callable[[], object]) -> None:
    """Run a command and turn failures into exit codes."""
    try:
        run()
    except WrongUsage as error:
        _exit(error, WRONG_USAGE)
    except ActionRefused as error:
        _exit(error, REFUSED)
    except SettlementError as error:
        _exit(error, UNEXPECTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; nothing is left to say, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNEXPECTED)


def _exit(error: SettlementError, code: int) -> None:
    sys.stderr.write(f"settlement: {error.message}\n")
    remedy = error.remedy or (DOCTOR_HINT if code == UNEXPECTED else "")
    if remedy:
        sys.stderr.write(f"  {remedy}\n")
    sys.exit(code)
