"""Looking for the first empty fields asks the staging area, and blames it when it does not answer."""

import pytest

from settlement_platform.control.failures import SettlementError
from settlement_platform.datasets.card_settlements import CARD_SETTLEMENTS
from settlement_platform.pipeline.validation.null_rates import null_rate_checks
from settlement_platform_tests.builders import a_staging
from settlement_platform_tests.pipeline.installation import Installation


def test_a_staged_file_that_is_gone_is_a_failure_of_the_staging_area(installation: Installation) -> None:
    """So that the breaker of the staging area counts it, and no other does."""
    gone = a_staging(path=str(installation.home / "staging" / "gone.parquet"), null_counts={"currency": 1})

    with pytest.raises(SettlementError) as failure:
        null_rate_checks(installation.platform.lake, CARD_SETTLEMENTS, [gone])

    assert failure.value.dependency == "staging"
