"""The history of arrivals: the one that counts per source, and deliveries that were superseded or reappeared."""

from ast import literal_eval
from collections.abc import Iterable, Mapping

from settlement_platform.control.facts import Arrival
from settlement_platform.control.landing.deliveries import DateDeliveries
from settlement_platform.control.reasons.landing import (
    FILE_MISSING,
    FILE_MISSING_OLDER_FILE,
    FILE_MISSING_OLDER_VERSION,
)
from settlement_platform.control.reasons.reason import Reason


def latest_arrivals(history: Iterable[Arrival]) -> dict[str, Arrival]:
    """Return the arrival that counts per source: the highest version, last observed.

    `history` holds the arrivals of one date, oldest first.
    """
    newest: dict[str, Arrival] = {}
    for arrival in history:
        _take_newer(newest, arrival)
    return newest


def _take_newer(newest: dict[str, Arrival], arrival: Arrival) -> None:
    known = newest.get(arrival.source)
    if known is None or arrival.version >= known.version:
        newest[arrival.source] = arrival


def presume_unchanged(inputs: DateDeliveries, history: Iterable[Arrival]) -> dict[str, Arrival]:
    """Return by signature the newest arrival of each delivery whose files keep their keys, sizes and times.

    In a home that was copied with its times only the tags are new. Only readers presume; whoever decides reads the
    files again.
    """
    newest = latest_arrivals(history)
    return {
        delivery.signature: arrival
        for delivery in inputs.deliveries
        if (arrival := newest.get(delivery.source))
        and arrival.signature != delivery.signature
        and arrival.version == delivery.version
        and _without_tags(arrival.signature) == _without_tags(delivery.signature)
    }


def _without_tags(signature: str) -> list[tuple[object, ...]]:
    """Return the key, size and time of each file."""
    return [file[:3] for file in _files(signature)]


def _files(signature: str) -> list[tuple[object, ...]]:
    """Return the key, size, time and tag of each file in a signature; the signature alone if it has another form."""
    try:
        return list(literal_eval(signature))
    except (ValueError, SyntaxError, TypeError):
        return [(signature,)]


def without_copies(history: Iterable[Arrival]) -> list[Arrival]:
    """Return the arrivals of a date, oldest first, without those of files that were only copied with their times.

    A file that is delivered once more has a new time, and counts.
    """
    last: dict[str, object] = {}
    found = []
    for arrival in history:
        delivered = (arrival.version, arrival.sha256, arrival.control_sha256, _without_tags(arrival.signature))
        if last.get(arrival.source) != delivered:
            found.append(arrival)
        last[arrival.source] = delivered
    return found


def find_superseded_files(
    inputs: DateDeliveries, newest: Mapping[str, Arrival], known: Iterable[str]
) -> dict[str, Reason]:
    """Return why a file in the landing zone does not count, per source whose newest recorded file is missing there.

    `known` holds the signatures of all recorded deliveries. A file of the same version whose signature is not among
    them is a new delivery, and counts.
    """
    present, signatures = {d.source: d for d in inputs.deliveries}, set(known)
    found: dict[str, Reason] = {}
    for source, arrival in newest.items():
        delivery = present.get(source)
        missing = {"source": source, "key": arrival.key, "observed_at": arrival.observed_at}
        if delivery is None:
            found[source] = FILE_MISSING(**missing)
        elif delivery.version < arrival.version:
            found[source] = FILE_MISSING_OLDER_VERSION(version=delivery.version, **missing)
        elif (
            delivery.version == arrival.version
            and delivery.signature != arrival.signature
            and delivery.signature in signatures
        ):
            found[source] = FILE_MISSING_OLDER_FILE(**missing)
    return found


def find_reappearance(history: Iterable[Arrival]) -> int | None:
    """Return the number of the arrival, from 1, that made replaced content the newest again.

    The arrivals are those of one date, oldest first. None where nothing has replaced the newest content before;
    delivering the same content twice changes nothing.
    """
    newest: dict[str, Arrival] = {}
    replaced: set[frozenset[tuple[str, str, str]]] = set()
    since, current = 0, frozenset[tuple[str, str, str]]()
    for number, arrival in enumerate(history, start=1):
        _take_newer(newest, arrival)
        found = frozenset((a.source, a.sha256, a.control_sha256) for a in newest.values())
        if found != current:
            replaced.add(current)
            since, current = number, found
    return since if current in replaced else None
