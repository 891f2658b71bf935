"""The converter between facts and the JSON values that stores keep; apart because ledger and lake share it."""

from datetime import date, datetime

from cattrs.preconf.json import make_converter

CONVERTER = make_converter()
CONVERTER.register_structure_hook(date, lambda v, _: v if isinstance(v, date) else date.fromisoformat(v))
CONVERTER.register_structure_hook(datetime, lambda v, _: v if isinstance(v, datetime) else datetime.fromisoformat(v))


def require_aware(moment: datetime) -> datetime:
    """Return an aware time unchanged; a store would read a naive one in the zone of its session.

    Raises:
        ValueError: the time has no offset.
    """
    if moment.tzinfo is None:
        message = f"{moment} has no offset; stores keep aware times only"
        raise ValueError(message)
    return moment
