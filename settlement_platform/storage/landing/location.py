"""The location of the landing zone, which tells a folder that does not exist yet from one that is missing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from settlement_platform.control.failures import TransientFailure
from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.landing.object_names import BucketLister, FolderLister, Lister, names_in_bucket


class LandingLocation:
    """A folder or a bucket; a folder that `was_there`, or was seen since, and does not exist counts as missing.

    `make` creates a folder that does not exist yet. A bucket reports by itself that it is missing.
    """

    def __init__(
        self, url: str, s3: S3Credentials | None, *, opening: Callable[[], Any], make: bool, was_there: bool
    ) -> None:
        self._url = url
        self._s3 = s3
        self._root = None if url.startswith("s3://") else Path(url)
        self._open = opening
        self._was_there = was_there
        # A missing folder is not created: an empty one would look as if nothing was delivered.
        self._store: Any = opening() if self._exists() or (make and not was_there) else None
        self._exists()

    @property
    def store(self) -> Any:  # noqa: ANN401 - obstore has no common public type
        """The object store that reads it."""
        if self._store is None:
            self._store = self._open()
        return self._store

    @contextmanager
    def lister(self) -> Iterator[Lister]:
        """Return a lister for a `with` block, checking before and after that the folder is not missing.

        A folder that never existed lists as empty.

        Raises:
            TransientFailure: the folder is missing.
        """
        self._require_present()
        yield self._lister()
        self._require_present()

    def _lister(self) -> Lister:
        if self._root:
            return FolderLister(root=self._root)
        return BucketLister(store=self.store, every_name=partial(names_in_bucket, self._url, self._s3))

    def _exists(self) -> bool:
        exists = self._root is None or self._root.exists()
        self._was_there = self._was_there or exists
        return exists

    def _require_present(self) -> None:
        if not self._exists() and self._was_there:
            message = f"The landing zone {self._root} is missing, although it was there before."
            remedy = (
                "Mount or restore it. Do not put an empty folder in its place: it counts as one without deliveries."
            )
            raise TransientFailure(message, remedy=remedy, dependency="landing")
