"""Content hashes: the identity of content by what goes into it, never by where it lies."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode


def canonical_sha256(value: object) -> str:
    """Return the sha256, in hexadecimal, of a JSON value in canonical form."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def input_hash(
    *, dataset: str, business_date: date, source: str, data_sha256: str, control_sha256: str, contract: str
) -> str:
    """Return the identity of one source of one date under one contract fingerprint."""
    return canonical_sha256([dataset, business_date.isoformat(), source, data_sha256, control_sha256, contract])


def content_hash(*, dataset: str, business_date: date, inputs: Iterable[str]) -> str:
    """Return the identity of a date's content: its dataset, its date and the set of its inputs' hashes."""
    return canonical_sha256([dataset, business_date.isoformat(), sorted(inputs)])


def mart_content_hash(*, mart: str, business_date: date, inputs: Mapping[str, str], contract: str) -> str:
    """Return the identity of a mart's date: the content of each published input (by dataset) and its contract."""
    return canonical_sha256([mart, business_date.isoformat(), dict(inputs), contract])
