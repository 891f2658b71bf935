"""What is wrong with a delivery on purpose, and what its correction changes."""

from dataclasses import replace

from settlement_platform.sample_data.transactions import SourceDay

_CORRECTABLE_ROWS = 8


def corrupt(content: SourceDay) -> SourceDay:
    """The same delivery with up to three amounts in major units, such as `12.50`.

    Raises:
        ValueError: the delivery has no rows.
    """
    _require_rows(content, 1, "corrupt")
    return replace(content, unreadable=_spread(content.rows))


def duplicated(content: SourceDay) -> SourceDay:
    """The same delivery with up to three of its transactions a second time, after the last row.

    Raises:
        ValueError: the delivery has no rows.
    """
    _require_rows(content, 1, "duplicated")
    return replace(content, repeated=_spread(content.rows))


def corrected(content: SourceDay) -> SourceDay:
    """The same delivery with up to three amounts changed, one row removed and one added at the end.

    Raises:
        ValueError: the delivery has fewer than 8 rows.
    """
    _require_rows(content, _CORRECTABLE_ROWS, "corrected")
    # No other transaction refers to slots 3 and 7 of a block of eight, so all of them keep their originals.
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
            f"{content.source} on {content.business_date} has {content.rows} rows, and needs {needed} to be"
            f" {flaw}; generate more rows a date"
        )
