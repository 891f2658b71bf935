"""How a failed command ends: one sentence on standard error, and an exit code."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from settlement_platform.control.failures import ActionRefused, SettlementError

DOCTOR_HINT = "Run `settlement doctor`: it checks everything and says how to fix it."
DONE, UNEXPECTED, WRONG_USAGE, REFUSED = 0, 1, 2, 3


class WrongUsage(SettlementError):
    """A command was called with arguments that make no sense."""


SIGNALLED = 128
"""A command that a signal ended exits with this plus the signal's number, as shells report it: 130 or 143."""

_READ_BYTES = 64


def exit_with_code(run: Callable[[], object]) -> None:
    """Run a command, and turn its failure into a sentence and an exit code; a signal that ended it is the code."""
    with _ending_signals() as received:
        try:
            _run(run)
        except SystemExit as ended:
            if ended.code and (number := received()):
                sys.exit(SIGNALLED + number)
            raise
        except KeyboardInterrupt:
            sys.exit(SIGNALLED + (received() or signal.SIGINT))


def _run(run: Callable[[], object]) -> None:
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


@contextmanager
def _ending_signals() -> Iterator[Callable[[], int]]:
    """Let SIGTERM interrupt a command as Ctrl-C does; yield a function that returns the last of both received, or 0.

    Dagster gives both signals one handler of its own, so only the numbers that Python writes to a pipe tell them apart.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: 0
        return
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    earlier_end, earlier_handler = signal.set_wakeup_fd(writing), signal.getsignal(signal.SIGTERM)
    if earlier_handler is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield lambda: _last_ending(reading)
    finally:
        signal.set_wakeup_fd(earlier_end)
        signal.signal(signal.SIGTERM, earlier_handler)
        os.close(reading)
        os.close(writing)


def _last_ending(reading: int) -> int:
    try:
        numbers = os.read(reading, _READ_BYTES)
    except BlockingIOError:
        return 0
    return next((n for n in reversed(numbers) if n in (signal.SIGINT, signal.SIGTERM)), 0)


def _exit(error: SettlementError, code: int) -> None:
    sys.stderr.write(f"settlement: {error.message}\n")
    remedy = error.remedy or (DOCTOR_HINT if code == UNEXPECTED else "")
    if remedy:
        sys.stderr.write(f"  {remedy}\n")
    sys.exit(code)
