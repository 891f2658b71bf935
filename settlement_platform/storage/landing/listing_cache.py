"""The cache of bucket listings, shared by the readers of one process that would list the same keys."""

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
    """The latest listing of each part of a bucket, served to each reader once while it is at most `seconds` old.

    A reader that returns gets a new listing. `clock` is monotonic, in seconds.
    """

    def __init__(self, *, seconds: float, clock: Callable[[], float]) -> None:
        self._seconds = seconds
        self._clock = clock
        self._listings: dict[Hashable, _CachedListing] = {}
        self._lock = threading.Lock()

    def listing(
        self, landing: LandingZone, patterns: Sequence[SourcePattern], first: date, last: date, *, reader: str
    ) -> tuple[Listing, bool]:
        """Return the deliveries of these sources over a range of dates, and whether another reader listed them.

        Raises:
            TransientFailure: the landing zone did not answer.
        """
        scope = (landing.url, *bucket_prefixes(patterns, first))
        if not landing.url.startswith("s3://"):
            # In a folder only the reader's own files are read.
            return landing.list_dates(patterns, first, last), False
        # A reader that comes during a listing waits for it, which costs less than listing again.
        with self._lock:
            now = self._clock()
            self._listings = {k: c for k, c in self._listings.items() if now - c.begun <= self._seconds}
            cached = self._listings.get(scope)
            if cached and reader not in cached.readers:
                cached.readers.add(reader)
                return cached.listing, True
            cached = _CachedListing(listing=landing.list_dates(patterns, first, last), begun=now, readers={reader})
            self._listings[scope] = cached
            return cached.listing, False
