"""The converter between facts and the plain values that stores keep."""

from datetime import date, datetime

from cattrs.preconf.json import make_converter

CONVERTER = make_converter()
CONVERTER.register_structure_hook(date, lambda v, _: v if isinstance(v, date) else date.fromisoformat(v))
CONVERTER.register_structure_hook(datetime, lambda v, _: v if isinstance(v, datetime) else datetime.fromisoformat(v))
