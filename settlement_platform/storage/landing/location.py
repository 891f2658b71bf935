"""Where files land: a folder that is missing either has nothing delivered to it yet, or is away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from obstore.store import MemoryStore

from settlement_platform.control.failures import TransientFailure
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.landing.object_names import Lister, names_in_bucket, names_in_folder


class LandingLocation:
    """A folder that `was_there`, or was seen since, and is missing is away; a bucket says so itself."""

    def __init__(
        self, url: str, s3: S3Credentials | None, *, opening: Callable[[], Any], make: bool, was_there: bool
    ) -> None:
        self._url = url
        self._s3 = s3
        self._root = None if url.startswith("s3://") else Path(url)
        self._opening = opening
        self._was_there = was_there
        # One that is away is not made: it would be empty, and pass for one without deliveries.
        self._store: Any = opening() if self._exists() or (make and not was_there) else None
        self._exists()

    @property
    def store(self) -> Any:  # noqa: ANN401 - obstore has no common public type
        """What reads it."""
        if self._store is None:
            self._store = self._opening()
        return self._store

    @contextmanager
    def lister(self) -> Iterator[Lister]:
        """What lists it, for the length of a listing: of a folder that goes away meanwhile a part would be listed.

        Of one that has never been there nothing is listed.

        Raises:
            TransientFailure: it is away.
        """
        self._require_present()
        yield self._lister(MemoryStore() if self._never_existed() else self.store)
        self._require_present()

    def _lister(self, store: Any) -> Lister:  # noqa: ANN401 - as above
        names = (
            partial(names_in_folder, store, self._root) if self._root else partial(names_in_bucket, self._url, self._s3)
        )
        return Lister(store=store, every_name=names)

    def _never_existed(self) -> bool:
        return not self._exists() and not self._was_there

    def _exists(self) -> bool:
        there = self._root is None or self._root.exists()
        self._was_there = self._was_there or there
        return there

    def _require_present(self) -> None:
        if not self._exists() and self._was_there:
            message = f"The landing zone {self._root} is missing, and it was there before."
            remedy = "Mount it or put it back; an empty folder in its place counts as one without deliveries."
            raise TransientFailure(message, remedy=remedy, dependency="landing")
