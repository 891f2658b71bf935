"""Deliveries: the files that make up a business date, and the sources that are still on their way."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property

from settlement_platform.control.reasons.landing import (
    BOTH_FORMS_DELIVERED,
    CONTROL_FILE_MISSING,
    DATA_FILE_MISSING,
    DATA_FILE_NEWER,
    LINK_NOT_FOLLOWED,
    NO_FILE_YET,
    VERSION_SUPERSEDED,
)
from settlement_platform.control.reasons.reason import Reason, has_code


@dataclass(frozen=True, kw_only=True)
class LandedFile:
    """A file as the landing zone lists it; `tag` changes whenever its bytes do.

    `is_link` is set for a symbolic link, of a file or of a folder: it is never followed.
    """

    key: str
    bytes: int
    modified_at: datetime
    tag: str = ""
    is_link: bool = False


@dataclass(frozen=True, kw_only=True)
class SourcePattern:
    """The place where one source delivers: `stem` is the key without `.N`, `.csv`, `.gz` or `.control.json`."""

    source: str
    stem: str
    required: bool = True

    def stem_for(self, business_date: date) -> str:
        """Return the key stem of one business date."""
        return self.stem.format(business_date=business_date.isoformat(), source=self.source)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A complete delivery: data and control file; `problem` is set when it can only be refused."""

    source: str
    version: int
    data: LandedFile
    control: LandedFile
    problem: str = ""

    @cached_property
    def signature(self) -> str:
        """Return the identity of both files, known without reading them."""
        parts = [(f.key, f.bytes, f.modified_at.isoformat(), f.tag) for f in (self.data, self.control)]
        return repr(parts)


@dataclass(frozen=True, kw_only=True)
class DateDeliveries:
    """The deliveries for one business date.

    `waiting` gives, per required source without a complete delivery, the reason why it waits, with the source as
    parameter `source`; `in_flight` describes files on
    their way for sources that have one. `unrecognised` lists keys that no pattern explains. `anything` is set when any
    file of a declared source is there.
    """

    business_date: date
    deliveries: tuple[Delivery, ...]
    waiting: tuple[Reason, ...]
    in_flight: tuple[str, ...] = ()
    unrecognised: tuple[str, ...] = ()
    anything: bool = False

    @property
    def complete(self) -> bool:
        """Return whether every required source has a complete delivery."""
        return not self.waiting


# Nine digits: every version that a provider could reach, and no number that the ledger could not keep.
_SUFFIX = re.compile(r"(?:\.(?P<version>[1-9][0-9]{0,8}))?\.(?P<kind>csv|csv\.gz|control\.json)")


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    version: int
    plain: LandedFile | None
    gzipped: LandedFile | None
    control: LandedFile | None

    @property
    def data(self) -> LandedFile | None:
        return self.plain or self.gzipped

    def waits_for(self, source: str) -> Reason | None:
        """Return what is missing for this version of a source to be complete; None when nothing is."""
        links = [f for f in (self.plain, self.gzipped, self.control) if f and f.is_link]
        if links:
            return LINK_NOT_FOLLOWED(source=source, key=links[0].key)
        if self.data is None:
            return DATA_FILE_MISSING(source=source, key=self.control.key if self.control else "?")
        if self.control is None:
            return CONTROL_FILE_MISSING(source=source, key=self.data.key)
        newest = max(f.modified_at for f in (self.plain, self.gzipped) if f)
        if newest > self.control.modified_at:
            return DATA_FILE_NEWER(source=source, key=self.data.key)
        return None


def choose_deliveries(
    business_date: date, patterns: Sequence[SourcePattern], landed: Iterable[LandedFile]
) -> DateDeliveries:
    """Choose the highest complete version per source; everything else is waited for or in flight."""
    files = {f.key: f for f in landed}
    deliveries: list[Delivery] = []
    waiting: list[Reason] = []
    in_flight: list[Reason] = []
    explained: set[str] = set()
    for pattern in patterns:
        candidates = _candidates(pattern.stem_for(business_date), files)
        explained.update(f.key for c in candidates for f in (c.plain, c.gzipped, c.control) if f)
        awaited = {c.version: c.waits_for(pattern.source) for c in candidates}
        complete = [c for c in candidates if not awaited[c.version]]
        chosen = complete[0] if complete else None
        newer = [c for c in candidates if chosen is None or c.version > chosen.version]
        folder = _linked_folder(pattern.stem_for(business_date), files)
        explained.update([folder] if folder else ())
        linked = [LINK_NOT_FOLLOWED(source=pattern.source, key=folder)] if folder else []
        if chosen:
            deliveries.append(_delivery(pattern.source, chosen))
            in_flight += [reason for c in newer if (reason := awaited[c.version])]
        elif pattern.required:
            expected = f"{pattern.stem_for(business_date)}.csv"
            linked += [reason for c in newer[:1] if (reason := awaited[c.version])]
            waiting.append(linked[0] if linked else NO_FILE_YET(source=pattern.source, key=expected))
        else:
            linked += [reason for c in newer if (reason := awaited[c.version]) and has_code(reason, LINK_NOT_FOLLOWED)]
            in_flight += linked
    return DateDeliveries(
        business_date=business_date,
        deliveries=tuple(deliveries),
        waiting=tuple(waiting),
        in_flight=tuple(in_flight),
        unrecognised=tuple(sorted(set(files) - explained)),
        anything=bool(explained),
    )


def _linked_folder(stem: str, files: Mapping[str, LandedFile]) -> str:
    """Return the key of a link in the way to a source's files; empty where there is none."""
    parts = stem.split("/")[:-1]
    above = ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return next((key for key in above if key in files and files[key].is_link), "")


def without_superseded(inputs: DateDeliveries, newest: Mapping[str, int]) -> DateDeliveries:
    """Return the deliveries without those older than a recorded version: old files never replace newer ones.

    `newest` gives the highest version that ever arrived, per source.
    """
    old = [d for d in inputs.deliveries if d.version < newest.get(d.source, 0)]
    waiting = tuple(VERSION_SUPERSEDED(source=d.source, newest=newest[d.source], version=d.version) for d in old)
    newer = tuple(d for d in inputs.deliveries if d not in old)
    return replace(inputs, deliveries=newer, waiting=inputs.waiting + waiting)


def _candidates(stem: str, files: dict[str, LandedFile]) -> list[_Candidate]:
    """Return every version of a source that left any file, newest version first."""
    versions: dict[int, dict[str, LandedFile]] = {}
    for key, file in files.items():
        match = _SUFFIX.fullmatch(key.removeprefix(stem)) if key.startswith(stem) else None
        if match and match["version"] != "1":
            versions.setdefault(int(match["version"] or 1), {})[match["kind"]] = file
    return [
        _Candidate(version=n, plain=f.get("csv"), gzipped=f.get("csv.gz"), control=f.get("control.json"))
        for n, f in sorted(versions.items(), reverse=True)
    ]


def both_forms_problem(plain: str, gzipped: str) -> Reason:
    """Return why a version that was delivered both plain and compressed is refused."""
    return BOTH_FORMS_DELIVERED(plain=plain, gzipped=gzipped)


def _delivery(source: str, chosen: _Candidate) -> Delivery:
    assert chosen.data  # noqa: S101 - `waits_for` was empty
    assert chosen.control  # noqa: S101 - as above
    problem = ""
    if chosen.plain and chosen.gzipped:
        problem = both_forms_problem(chosen.plain.key, chosen.gzipped.key)
    return Delivery(source=source, version=chosen.version, data=chosen.data, control=chosen.control, problem=problem)
