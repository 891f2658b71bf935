"""A reason is found in a text by its code and parameters, and in no other text."""

import pytest

from settlement_platform.control.reasons.publishing import ROLLBACK_TARGET_EMPTY
from settlement_platform_tests.shown_reasons import sentence_of, shows

TEXT = f"settlement: it is refused. {ROLLBACK_TARGET_EMPTY(wanted=2, state='skipped')}\n  next: nothing"


def test_a_reason_is_found_by_its_code_and_parameters() -> None:
    assert shows(TEXT, "rollback_target_empty")
    assert shows(TEXT, "rollback_target_empty", wanted=2, state="skipped")
    assert not shows(TEXT, "rollback_target_empty", wanted=3)
    assert not shows(TEXT, "rollback_target_missing")


def test_a_code_that_proves_nothing_is_refused() -> None:
    with pytest.raises(KeyError):
        shows(TEXT, "no_such_reason")
    with pytest.raises(ValueError, match="files_late"):
        sentence_of("files_late")
