"""Intended flaws of a delivery, and the changes of its correction."""

from dataclasses import replace

from settlement_platform.sample_data.transactions import SourceDay

_CORRECTABLE_ROWS = 8


def corrupt(content: SourceDay) -> SourceDay:
    """Return the delivery with up to three amounts in major units, such as `12.50`.

    Raises:
        ValueError: the delivery has no rows.
    """
    _require_rows(content, 1, "corrupt")
    return replace(content, unreadable=_spread(content.rows))


def duplicated(content: SourceDay) -> SourceDay:
    """Return the delivery with up to three of its transactions repeated after the last row.

    Raises:
        ValueError: the delivery has no rows.
    """
    _require_rows(content, 1, "duplicated")
    return replace(content, repeated=_spread(content.rows))


def corrected(content: SourceDay) -> SourceDay:
    """Return the delivery with up to three amounts changed, one row removed and one added at the end.

    Raises:
        ValueError: the delivery has fewer than 8 rows.
    """
    _require_rows(content, _CORRECTABLE_ROWS, "corrected")
    # No other transaction refers to slots 3 and 7 of a block of eight, so every reference stays valid.
    changed = {place // 8 * 8 + 3 for place in _spread(content.rows)}
    return replace(
        content,
        rows=content.rows + 1,
        removed=(content.rows // 3 // 8 * 8 + 7,),
        changed=tuple(sorted(place for place in changed if place < content.rows)),
    )


def _spread(rows: int) -> tuple[int, ...]:
    return tuple(sorted({rows // 4, rows // 2, rows * 3 // 4}))


def _require_rows(content: SourceDay, needed: int, flaw: str) -> None:
    if content.rows < needed:
        raise ValueError(
            f"{content.source} on {content.business_date} has {content.rows} rows; to be {flaw} it needs {needed};"
            " generate more rows per date"
        )
