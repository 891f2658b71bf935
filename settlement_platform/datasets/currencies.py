"""Currencies: the ISO 4217 codes that were active on a business date."""

from collections.abc import Mapping
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

import ibis
import ibis.expr.types as ir
import iso4217
from babel.core import get_global

ACTIVE_ON_BUSINESS_DATE = "must be an ISO 4217 code that was active on the business date"

_LONG_AGO = date(2000, 1, 1)
"""No business date lies before it: a code that is older, and still active, needs no dates."""

Span = tuple[date | None, date | None]


def _legal_tender() -> Mapping[str, Span]:
    """Return the first and the last day of each currency in any territory, from CLDR; None where there is none.

    The last day of CLDR is that of legal tender, so that it includes the weeks in which two currencies circulate.
    """
    found: dict[str, list[tuple[Any, Any]]] = {}
    for entries in get_global("territory_currencies").values():
        for code, first, last, tender in entries:
            if tender:
                found.setdefault(code, []).append((first, last))
    return {code: (_least(f for f, _ in spans), _greatest(e for _, e in spans)) for code, spans in found.items()}


def _least(days: Any) -> date | None:  # noqa: ANN401 - tuples of year, month and day, or None
    known = list(days)
    return None if None in known else date(*min(known))


def _greatest(days: Any) -> date | None:  # noqa: ANN401 - as above
    known = list(days)
    return None if None in known else date(*max(known))


def _spans() -> dict[str, Span]:
    """Return the first and the last day of each code; None where it has none."""
    listed, tender = {currency.code for currency in iso4217.Currency}, _legal_tender()
    active = {code: (tender.get(code, (None, None))[0], None) for code in listed}
    withdrawn = {code: span for code, span in tender.items() if code not in listed and span[1]}
    return {**withdrawn, **active}


SPANS = _spans()
"""The first and the last business date of each ISO 4217 code, present and past; None where it has none."""

_ALWAYS = sorted(code for code, (first, last) in SPANS.items() if last is None and (not first or first < _LONG_AGO))
_DATED = {code: SPANS[code] for code in sorted(SPANS.keys() - _ALWAYS) if (SPANS[code][1] or date.max) >= _LONG_AGO}


def was_active(code: str, day: date) -> bool:
    """Return whether a code was an active currency on a business date."""
    if code not in SPANS:
        return False
    first, last = SPANS[code]
    return (first or date.min) <= day <= (last or date.max)


def active_currency(currency: ir.StringColumn, day: ir.DateColumn) -> ir.BooleanColumn:
    """Return whether each row's currency was active on its business date; the dates are read for few codes only."""
    dated = [(currency == code) & _within(day, span) for code, span in _DATED.items()]
    return ibis.ifelse(currency.isin(_ALWAYS), True, reduce(or_, dated))  # noqa: FBT003 - a literal of SQL


def _within(day: ir.DateColumn, span: Span) -> ir.BooleanValue:
    first, last = span
    return day.between(first or date(1, 1, 1), last or date(9999, 12, 31))
