"""Listings of a bucket that several readers of one process share, as each would list the same keys."""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from datetime import date

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.storage.landing.listing import Listing, bucket_prefixes
from settlement_platform.storage.landing.zone import LandingZone


@dataclass(frozen=True, kw_only=True)
class _CachedListing:
    listing: Listing
    begun: float
    readers: set[str] = field(default_factory=set)


class ListingCache:
    """The latest listing of each part of a bucket, given to each reader once while it is no older than `seconds`.

    A reader that comes again is given a new one: what it saw it has seen. `clock` counts seconds and never goes back.
    """

    def __init__(self, *, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._made: dict[Hashable, _CachedListing] = {}
        self._lock = threading.Lock()

    def listing(
        self, landing: LandingZone, patterns: Sequence[SourcePattern], first: date, last: date, *, reader: str
    ) -> tuple[Listing, bool]:
        """What was delivered by these sources for a range of business dates, and whether another reader listed it.

        Raises:
            TransientFailure: the landing zone did not answer.
        """
        reach = (landing.url, *bucket_prefixes(patterns, first))
        if not landing.url.startswith("s3://"):
            # Of a folder only what is the reader's own is read.
            return landing.list_dates(patterns, first, last), False
        # Whoever comes while another one lists waits for that: it costs less than to list beside it.
        with self._lock:
            now = self._clock()
            self._made = {k: m for k, m in self._made.items() if now - m.begun <= self._seconds}
            made = self._made.get(reach)
            if made and reader not in made.readers:
                made.readers.add(reader)
                return made.listing, True
            made = _CachedListing(listing=landing.list_dates(patterns, first, last), begun=now, readers={reader})
            self._made[reach] = made
            return made.listing, False
