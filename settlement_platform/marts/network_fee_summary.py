"""Network fee summary: fees per business date, network and currency; alone because each mart has its own module."""

from datetime import date, time

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.policies import Timeliness
from settlement_platform.control.roles import Roles
from settlement_platform.marts.mart import Mart

Sum = dt.Decimal(38, 0)


class NetworkFeeSummary(pa.DataFrameModel):
    """One network in one currency on one business date; sums are in minor units of the currency."""

    business_date: date = pa.Field(description="The day the money belongs to; the partition.")
    network: str = pa.Field(description="The card network.")
    currency: str = pa.Field(description="ISO 4217 code of all sums.")
    gross_minor: Sum = pa.Field(description="Sum of amounts, before fees.")
    fee_minor: Sum = pa.Field(description="Sum of fees.")
    transactions: int = pa.Field(ge=1, description="Number of transactions.")
    effective_bps: float = pa.Field(nullable=True, description="Fees per gross in basis points; null when gross is 0.")


NETWORK_FEE_SUMMARY = Mart(
    name="network_fee_summary",
    description="What each card network charged: gross, fees and effective rate per business date and currency.",
    owner="finance-data@example.com",
    criticality="standard",
    schema=NetworkFeeSummary,
    inputs=("card_settlements",),
    key=("network", "currency"),
    reconciles={"gross_minor": "amount_minor", "fee_minor": "fee_minor", "transactions": "1"},
    timeliness=Timeliness(expected_by=time(4, 0), target=time(6, 0), deadline=time(6, 0)),
    roles=Roles(needed={OperatorActionType.RESET_BREAKER: "operator"}),
)
