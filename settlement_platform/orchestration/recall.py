"""What is on record about dates that are published already, so that a replay reports them as fully as the first run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property

from settlement_platform.control.facts import Publication, Verdict
from settlement_platform.control.publishing import Move
from settlement_platform.pipeline.concluded import Concluded
from settlement_platform.pipeline.platform import Platform


class Recall:
    """The verdicts and publications of a run's dates, read once and only if a date asks for them."""

    def __init__(self, platform: Platform, name: str, days: Sequence[date]) -> None:
        self._platform = platform
        self._name = name
        self._range = min(days), max(days)

    def complete(self, concluded: Concluded) -> Concluded:
        """The same outcome; with its verdict and publication from the record, if it was published before."""
        content = concluded.content_hash
        if concluded.decision.move is not Move.ALREADY_PUBLISHED or content is None:
            return concluded
        publication = self._publications.get(concluded.business_date)
        if publication and publication.content_hash != content:
            publication = None
        verdict = concluded.verdict or self._verdicts.get(content) or self._published_with(publication)
        return replace(concluded, verdict=verdict, publication=concluded.publication or publication)

    def _published_with(self, publication: Publication | None) -> Verdict | None:
        """The verdict in the lake, which has it even where the ledger was lost."""
        return self._platform.lake.published_verdict(publication) if publication else None

    @cached_property
    def _publications(self) -> Mapping[date, Publication]:
        return self._platform.lake.publications(self._name, *self._range)

    @cached_property
    def _verdicts(self) -> Mapping[str, Verdict]:
        return self._platform.ledger.verdicts(self._name, *self._range)
