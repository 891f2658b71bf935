"""Which of the arrivals on record count, and which were overtaken or came again?"""

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
    """Per source the arrival that counts, of those of one date, oldest first: the highest version, last observed."""
    newest: dict[str, Arrival] = {}
    for arrival in history:
        _take_newer(newest, arrival)
    return newest


def _take_newer(newest: dict[str, Arrival], arrival: Arrival) -> None:
    known = newest.get(arrival.source)
    if known is None or arrival.version >= known.version:
        newest[arrival.source] = arrival


def find_superseded(inputs: DateDeliveries, newest: Mapping[str, Arrival], known: Iterable[str]) -> dict[str, Reason]:
    """Per source whose newest arrival no longer lies in the landing zone, why what lies there does not count.

    `known` holds the signatures on record: a delivery that is none of them is new, and newer than all of its version.
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
    """Which arrival of a date, oldest first and from 1, made bytes the newest again that others had replaced.

    None where nothing has replaced the newest bytes of all sources before. What only came once more changes nothing.
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
