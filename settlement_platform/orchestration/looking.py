"""The stores of a sensor that looks at them, and what becomes of a look that one of them did not answer."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import dagster as dg

from settlement_platform.control.failures import SettlementError
from settlement_platform.orchestration.resources import PlatformResource, store_failure
from settlement_platform.pipeline.looks import record_failed_look, record_good_look
from settlement_platform.pipeline.platform import Platform, Request


class Looking:
    """One sensor's looks at the stores of a dataset, for as long as its process lives."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._well = False

    @contextmanager
    def opened(self, platform: PlatformResource, request: Request) -> Iterator[Platform]:
        """All stores; a look that one of them does not answer is put on record, as far as the ledger answers.

        Raises:
            TransientFailure: a store did not answer.
            dagster.Failure: anything else.
        """
        try:
            with platform.open() as stores:
                yield stores
        except (SettlementError, dg.Failure) as error:
            self._well = False
            failure = store_failure(error)
            if failure:
                with suppress(SettlementError), platform.facts() as facts:
                    record_failed_look(facts, self._dataset, request, failure)
            raise

    def went_well(self, stores: Platform, request: Request) -> None:
        """Put on record that every store answered, if any has not of late."""
        if not self._well:
            record_good_look(stores, self._dataset, request)
        self._well = True
