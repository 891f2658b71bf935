"""The card transactions of one source on one business date, as a deterministic query."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

_PREFIXES = {"visa": "vi", "mastercard": "mc", "amex": "ax"}

# Basis points. The lowest are the European caps on interchange for consumer cards (Regulation (EU) 2015/751);
# the others are of the size that networks publish for other regions and for company cards.
_RATES = {
    "visa": [20, 30, 115, 151, 180],
    "mastercard": [20, 30, 118, 158, 190],
    "amex": [150, 180, 240, 290, 330],
}

COLUMNS = (
    "transaction_id",
    "network",
    "merchant_id",
    "card_token",
    "currency",
    "amount_minor",
    "fee_minor",
    "transaction_type",
    "authorized_at",
    "settled_at",
    "business_date",
)

# A 32-bit word times a 32-bit constant fits in 64 bits: the same words on every version and by any threads.
MACROS = """
CREATE MACRO low_word(x) AS x & 4294967295::UBIGINT;
CREATE MACRO scramble(x, shift, factor) AS low_word(xor(x, x >> shift) * factor);
CREATE MACRO mix(x) AS scramble(scramble(scramble(x, 16, 2146121005), 15, 2221713035), 16, 1);
CREATE MACRO row_word(seed, day, place) AS
    mix(xor(seed::UBIGINT, low_word(day::UBIGINT * 2654435761 + place::UBIGINT * 2246822519)));
CREATE MACRO draw(word, purpose) AS mix(xor(word::UBIGINT, low_word(purpose::UBIGINT * 3266489917)))::BIGINT;
CREATE MACRO up_to(word, bits) AS (1::BIGINT << bits) + (word >> 8) % (1::BIGINT << bits);
CREATE MACRO padded(number, power_of_ten) AS substr((power_of_ten + number)::VARCHAR, 2);
CREATE MACRO token(seed, card) AS 'tok_' || lower(hex((1::BIGINT << 31) + (draw(seed, card + 10000) >> 1)))
    || '_' || lower(hex((1::BIGINT << 31) + draw(seed, card + 500000) % 1073741824));
CREATE MACRO utc_text(day, second) AS
    strftime(make_timestamp(((day - 719163) * 86400 + second) * 1000000), '%Y-%m-%dT%H:%M:%SZ');
"""

PLACES = """
CREATE OR REPLACE TEMP TABLE places AS
SELECT range AS place FROM range($rows) WHERE NOT list_contains($removed::BIGINT[], range)
UNION ALL SELECT unnest($repeated::BIGINT[])
"""

# Places come in blocks of eight. The first two of a block are always sales: the originals of the block's
# chargeback (slot 5), its reversal (slot 6) and the block's refund (slot 2) on later dates. How much later
# depends on the block alone: each sale has one of each at most, and is recomputed without reading its file.
TRANSACTIONS = """
WITH own AS (
    SELECT place, place % 8 AS slot, place - place % 8 AS block, row_word($seed, $day, place) AS own_word,
        row_word($seed, 0, place // 8)::BIGINT AS delays
    FROM places
), delayed AS (
    SELECT *, draw(own_word, 1) % 1000 AS chance, draw(own_word, 2) AS detail,
        block + 5 < $rows_on_every_date AS has_original, 5 + delays % 85 AS chargeback_delay,
        10 + (delays >> 8) % 30 AS reversal_delay, 1 + (delays >> 16) % 30 AS refund_delay
    FROM own
), recalled AS (
    SELECT *, row_word($seed, $day - reversal_delay, block + 5) AS chargeback_word FROM delayed
), typed AS (
    SELECT *, CASE
        WHEN slot = 2 AND has_original AND chance < [460, 400, 360, 340, 340, 300, 320][$weekday]
            THEN 'refund'
        WHEN slot = 5 AND has_original AND chance < 80 THEN 'chargeback'
        WHEN slot = 6 AND has_original AND chance < 350 AND draw(chargeback_word, 1) % 1000 < 80
            THEN 'chargeback_reversal'
        WHEN slot IN (3, 4, 7) AND chance < [90, 45, 45, 45, 45, 10, 10][$weekday] THEN 'fee'
        WHEN slot IN (3, 4, 7) AND chance >= [980, 980, 980, 980, 970, 1000, 1000][$weekday]
            THEN 'adjustment'
        ELSE 'sale' END AS transaction_type
    FROM recalled
), referred AS (
    SELECT *, CASE transaction_type WHEN 'chargeback' THEN block WHEN 'chargeback_reversal' THEN block
            WHEN 'refund' THEN block + 1 ELSE place END AS sale_place,
        $day - CASE transaction_type WHEN 'chargeback' THEN chargeback_delay
            WHEN 'chargeback_reversal' THEN chargeback_delay + reversal_delay
            WHEN 'refund' THEN refund_delay ELSE 0 END AS sale_day
    FROM typed
), sold AS (
    SELECT *, row_word($seed, sale_day, sale_place) AS sale_word FROM referred
), drawn AS (
    SELECT *, draw(sale_word, 3) AS shop, draw(sale_word, 4) AS money, draw(sale_word, 5) AS basket,
        draw(sale_word, 6) % 400009 AS card, draw(sale_word, 7) AS clock
    FROM sold
), chosen AS (
    -- Uniform in the bits, then within them: the k-th merchant has about 1/k of the first one's rows.
    SELECT *, up_to(shop, shop % 13) AS merchant,
        up_to(basket, 6 + basket % 6 + (basket >> 4) % 6)
            * [96, 94, 97, 100, 112, 125, 118][(sale_day + 6) % 7 + 1] AS hundredths_of_euro_cents,
        CASE WHEN clock % 100 < 70 THEN 0 WHEN clock % 100 < 88 THEN 1 WHEN clock % 100 < 96 THEN 2 ELSE 3 END
            AS days_before
    FROM drawn
), located AS (
    -- A merchant has a home currency; one sale in eight is in any other.
    SELECT *, CASE money % 8 WHEN 0 THEN money >> 8 ELSE draw($merchant_seed, merchant) END % 100 AS region
    FROM chosen
), exchanged AS (
    -- A euro is about 108 US cents, 86 pence, 160 yen (which has no smaller unit) or 335 fils.
    SELECT *, CASE WHEN region < 42 THEN 'EUR' WHEN region < 72 THEN 'USD' WHEN region < 90 THEN 'GBP'
            WHEN region < 97 THEN 'JPY' ELSE 'KWD' END AS currency,
        CASE currency WHEN 'EUR' THEN 100 WHEN 'USD' THEN 108 WHEN 'GBP' THEN 86 WHEN 'JPY' THEN 160
            ELSE 335 END AS units_per_euro,
        hundredths_of_euro_cents * units_per_euro // 10000 AS exact_size,
        $rates[(money >> 16) % 5 + 1] AS rate
    FROM located
), sized AS (
    -- Kuwait has no coin below 5 fils.
    SELECT *, exact_size - CASE currency WHEN 'KWD' THEN exact_size % 5 ELSE 0 END AS sale_size,
        CASE transaction_type
            WHEN 'refund' THEN CASE WHEN detail % 10 < 7 THEN sale_size
                ELSE sale_size * (10 + (detail >> 20) % 80) // 100 END
            WHEN 'fee' THEN sale_size // 50 + 1
            WHEN 'adjustment' THEN sale_size // 10 + 1
            ELSE sale_size END AS first_size,
        first_size + CASE WHEN list_contains($changed::BIGINT[], place) THEN first_size // 10 + 1 ELSE 0 END
            AS size
    FROM exchanged
), settled AS (
    SELECT *, CASE WHEN transaction_type IN ('refund', 'chargeback', 'fee') THEN -size
            WHEN transaction_type = 'adjustment' AND detail % 3 > 0 THEN -size ELSE size END AS amount,
        (size * rate + 5000) // 10000 AS interchange
    FROM sized
)
SELECT $prefix || padded(place + 1, 1000000000) AS transaction_id,
    $source AS network,
    'mrc_' || padded(merchant * 48271 % 999983, 1000000) AS merchant_id,
    token($seed, card) AS card_token,
    currency,
    CASE WHEN NOT list_contains($unreadable::BIGINT[], place) THEN amount::VARCHAR
        ELSE CASE WHEN amount < 0 THEN '-' ELSE '' END || size // 100 || '.' || padded(size % 100, 100)
        END AS amount_minor,
    CASE transaction_type WHEN 'sale' THEN interchange + units_per_euro // 20 WHEN 'refund' THEN -interchange
        WHEN 'chargeback' THEN 15 * units_per_euro ELSE 0 END AS fee_minor,
    transaction_type,
    utc_text(sale_day - days_before, (clock >> 7) % CASE days_before WHEN 0 THEN 64800 ELSE 86400 END)
        AS authorized_at,
    utc_text($day, 64800 + (detail >> 8) % 21600) AS settled_at,
    $business_date AS business_date
FROM settled
"""


@dataclass(frozen=True, kw_only=True)
class SourceDay:
    """The delivery of one source for one business date.

    Its rows have the places 0 to `rows` - 1; every date has the first `rows_on_every_date` of them.
    The other fields list places: removed, repeated at the end, with a changed amount, with an unreadable amount.
    """

    business_date: date
    source: str
    seed: int
    rows: int
    rows_on_every_date: int
    removed: tuple[int, ...] = ()
    repeated: tuple[int, ...] = ()
    changed: tuple[int, ...] = ()
    unreadable: tuple[int, ...] = ()

    def place_parameters(self) -> Mapping[str, object]:
        """Return the parameters of `PLACES`."""
        return {"rows": self.rows, "removed": list(self.removed), "repeated": list(self.repeated)}

    def transaction_parameters(self) -> Mapping[str, object]:
        """Return the parameters of `TRANSACTIONS`."""
        return {
            "business_date": self.business_date.isoformat(),
            "day": self.business_date.toordinal(),
            "weekday": self.business_date.isoweekday(),
            "source": self.source,
            "prefix": f"{_PREFIXES[self.source]}{self.business_date:%Y%m%d}-",
            "rates": _RATES[self.source],
            "seed": _seed_word(f"{self.seed} {self.source}"),
            "merchant_seed": _seed_word(f"{self.seed} merchants"),
            "rows_on_every_date": self.rows_on_every_date,
            "changed": list(self.changed),
            "unreadable": list(self.unreadable),
        }


def _seed_word(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
