"""The exit code of a command that a signal ends: 128 and the signal's number, whoever handled the signal."""

import os
import signal
from collections.abc import Callable

import pytest

from settlement_platform.cli.console.exit_codes import exit_with_code
from settlement_platform.control.failures import PermanentFailure, TransientFailure


def _code_of(run: Callable[[], object]) -> object:
    with pytest.raises(SystemExit) as ended:
        exit_with_code(run)
    return ended.value.code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_that_ends_a_command_is_its_exit_code(number: signal.Signals, code: int) -> None:
    assert _code_of(lambda: os.kill(os.getpid(), number)) == code


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_signal_is_known_even_where_a_library_handles_both_alike(number: signal.Signals, code: int) -> None:
    """As Dagster does: its handler raises an error of its own, which ends the command with another code."""

    def run() -> None:
        earlier = signal.getsignal(signal.SIGINT)

        def fail(_number: int, _frame: object) -> None:
            raise PermanentFailure("The run was interrupted.")

        signal.signal(signal.SIGINT, fail)
        signal.signal(signal.SIGTERM, fail)
        try:
            os.kill(os.getpid(), number)
        finally:
            signal.signal(signal.SIGINT, earlier)
            signal.signal(signal.SIGTERM, earlier)

    assert _code_of(run) == code


def test_a_failure_without_a_signal_keeps_its_code_and_the_handlers_are_as_before() -> None:
    before = signal.getsignal(signal.SIGTERM)

    def run() -> None:
        raise TransientFailure("The ledger did not answer.")

    assert _code_of(run) == 1
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.set_wakeup_fd(-1) == -1
