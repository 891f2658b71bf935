"""Deliveries that were judged before, under an older contract of their dataset."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property

from settlement_platform.control.facts import CurrentPublication, OperatorAction, Publication
from settlement_platform.control.landing.delivery_hash import (
    StagedInput,
    derive_delivery_hash,
    recorded_delivery_hash,
)
from settlement_platform.control.publishing.operator_overrides import fold_overrides
from settlement_platform.pipeline.landing.land import LandedDeliveries
from settlement_platform.storage.lake.lake import Lake
from settlement_platform.storage.ledger.ledger import Ledger


class JudgedDeliveries:
    """The deliveries that are on record for a dataset's range of dates; they are read when one is needed."""

    def __init__(self, lake: Lake, ledger: Ledger, dataset: str, first: date, last: date) -> None:
        self._lake = lake
        self._ledger = ledger
        self._dataset = dataset
        self._range = first, last

    def recognize(
        self,
        landed: LandedDeliveries,
        current: CurrentPublication | None,
        actions: Sequence[OperatorAction],
    ) -> LandedDeliveries:
        """Return the deliveries under the content that is published, if they are the published ones.

        A new contract alone changes nothing. Where an operator asked to judge them again, they keep today's content.

        Raises:
            TransientFailure: a store did not answer.
        """
        content = landed.content_under_contract
        if content is None:
            return landed
        found = replace(landed, earlier_contents=self._earlier(landed, content, actions))
        if current is None or not current.content_hash or current.content_hash == content:
            return found
        overrides = fold_overrides(actions, landed.business_date)
        if content in overrides.rejudged or not self._is_shown(landed, current):
            return found
        confirmed = overrides.confirmed.get(content) == current.content_hash
        return replace(found, published_as=current.content_hash, confirmed=confirmed)

    def delivery_hashes(self, day: date, contents: Iterable[tuple[str, datetime]]) -> Mapping[str, str]:
        """Return the delivery hash of each content that was judged by a moment, as far as it is on record."""
        staged = self._staged.get(day, ())
        derived = {c: derive_delivery_hash(c, self._dataset, staged, moment) for c, moment in contents}
        return {content: found for content, found in derived.items() if found}

    def _earlier(self, landed: LandedDeliveries, content: str, actions: Sequence[OperatorAction]) -> frozenset[str]:
        """Return the other contents of these deliveries on which operators acted."""
        acted = {
            (str(a.detail[name]), a.recorded_at)
            for a in actions
            for name in ("content_hash", "restored")
            if a.business_date == landed.business_date and a.detail.get(name) not in {None, "", content}
        }
        if not acted:
            return frozenset()
        known = self.delivery_hashes(landed.business_date, acted)
        return frozenset(c for c, delivery in known.items() if delivery == landed.delivery_hash)

    def _is_shown(self, landed: LandedDeliveries, current: CurrentPublication) -> bool:
        """Return whether the current publication shows exactly these deliveries."""
        day = landed.business_date
        publication = self._publications.get(day)
        if publication is None or publication.content_hash != current.content_hash:
            return False
        files = {(s.source, s.sha256) for s in publication.sources}
        if files != {(i.arrival.source, i.arrival.sha256) for i in landed.landed}:
            return False
        known = recorded_delivery_hash(self._dataset, day, publication.sources) or derive_delivery_hash(
            publication.content_hash, self._dataset, self._staged.get(day, ()), publication.published_at
        )
        # Without a record of the control files, the data files decide: a ledger may have been lost.
        return known is None or known == landed.delivery_hash

    @cached_property
    def _publications(self) -> Mapping[date, Publication]:
        return self._lake.publications(self._dataset, *self._range)

    @cached_property
    def _staged(self) -> Mapping[date, Sequence[StagedInput]]:
        found: dict[date, list[StagedInput]] = {}
        for each in self._ledger.staged_inputs(self._dataset, *self._range):
            found.setdefault(each.business_date, []).append(each)
        return found
