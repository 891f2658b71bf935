"""The dataset of card settlements: the transactions that card networks settle each day, one row each."""

from datetime import date, time

import ibis
import ibis.expr.datatypes as dt
import pandera.ibis as pa

from settlement_platform.control.landing.deliveries import SourcePattern
from settlement_platform.control.policies import Restating, Timeliness
from settlement_platform.control.roles import ACTIONS, Roles
from settlement_platform.datasets.contract import DerivedColumn
from settlement_platform.datasets.currencies import ACTIVE_ON_BUSINESS_DATE, active_currency
from settlement_platform.datasets.dataset import Dataset

Moment = dt.Timestamp(timezone="UTC")
_NOT_NEGATIVE = ["sale", "chargeback_reversal"]
_NOT_POSITIVE = ["refund", "chargeback"]


class CardSettlement(pa.DataFrameModel):
    """One settled card transaction; amounts are signed integers in minor units of the row's currency."""

    transaction_id: str = pa.Field(description="The network's reference of the transaction; the key.")
    network: str = pa.Field(description="The card network that settled it; equals the delivering source.")
    merchant_id: str = pa.Field(description="The merchant whom the money belongs to.")
    card_token: str = pa.Field(description="A token that stands for the card; never a card number.")
    currency: str = pa.Field(description="ISO 4217 code of both amounts.")
    amount_minor: int = pa.Field(description="Signed gross amount in minor units; positive is owed to the merchant.")
    fee_minor: int = pa.Field(description="Signed fee in minor units, deducted from the amount.")
    transaction_type: str = pa.Field(
        isin=[*_NOT_NEGATIVE, *_NOT_POSITIVE, "fee", "adjustment"], description="What kind of movement it is."
    )
    authorized_at: Moment = pa.Field(description="When the card was authorized, UTC.")
    settled_at: Moment = pa.Field(description="When the network settled it, UTC.")
    business_date: date = pa.Field(description="The day the money belongs to; the partition.")

    @pa.check("currency", name="isin", description=f"currency {ACTIVE_ON_BUSINESS_DATE}")
    def currency_was_active(cls, data: pa.IbisData) -> ibis.expr.types.BooleanValue:  # noqa: N805 - pandera's form
        """Return whether the currency of a row was active on the row's business date."""
        return active_currency(data.table.currency, data.table.business_date)

    @pa.dataframe_check(name="network_is_source", description="network must name the source that delivered the row")
    def network_is_source(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - as above
        """Return whether a row is of the network in whose folder it was delivered."""
        return data.table.network == data.table.source

    @pa.dataframe_check(
        name="amount_sign_fits_type",
        description="sale and chargeback_reversal must be at least 0, refund and chargeback at most 0",
    )
    def amount_sign_fits_type(cls, data: pa.IbisData) -> ibis.expr.types.BooleanColumn:  # noqa: N805 - as above
        """Return whether the sign of an amount fits the type of its transaction."""
        row = data.table
        positive = row.transaction_type.isin(_NOT_NEGATIVE) & (row.amount_minor < 0)
        negative = row.transaction_type.isin(_NOT_POSITIVE) & (row.amount_minor > 0)
        return ~(positive | negative)


CARD_SETTLEMENTS = Dataset(
    name="card_settlements",
    description="Every card transaction that Visa, Mastercard and American Express settled on a business date.",
    owner="finance-data@example.com",
    criticality="critical",
    schema=CardSettlement,
    sources=tuple(
        SourcePattern(source=network, stem="{business_date}/{source}/cards")
        for network in ("visa", "mastercard", "amex")
    ),
    key=("transaction_id",),
    control_totals=("amount_minor", "fee_minor"),
    derived=(
        # 128 bits, because the difference of two 64-bit amounts may need 65.
        DerivedColumn(
            name="net_minor",
            sql_type="DECIMAL(38, 0)",
            sql="amount_minor::DECIMAL(38, 0) - fee_minor",
            narrow_sql="TRY_CAST(TRY(amount_minor - fee_minor) AS DECIMAL(18, 0))",
        ),
    ),
    timeliness=Timeliness(expected_by=time(3, 45), sensor_timeout=time(4, 45), target=time(6, 0), deadline=time(6, 0)),
    restating=Restating(measure="net_minor"),
    roles=Roles(needed=dict.fromkeys(ACTIONS, "operator")),
)
