"""The mart of merchants' daily net: the amount owed to each merchant per business date and currency."""

from datetime import date, time

import ibis.expr.datatypes as dt
import pandera.ibis as pa

from settlement_platform.control.facts import OperatorActionType
from settlement_platform.control.policies import Timeliness
from settlement_platform.control.roles import Roles
from settlement_platform.marts.mart import Mart

Sum = dt.Decimal(38, 0)


class MerchantDailyNet(pa.DataFrameModel):
    """One merchant in one currency on one business date; sums are in minor units of the currency."""

    business_date: date = pa.Field(description="The day the money belongs to; the partition.")
    merchant_id: str = pa.Field(description="The merchant.")
    currency: str = pa.Field(description="ISO 4217 code of all sums.")
    gross_minor: Sum = pa.Field(description="Sum of amounts, before fees.")
    fee_minor: Sum = pa.Field(description="Sum of fees.")
    net_minor: Sum = pa.Field(description="What the merchant is owed: gross less fees.")
    transactions: int = pa.Field(ge=1, description="Number of transactions.")


MERCHANT_DAILY_NET = Mart(
    name="merchant_daily_net",
    description="What each merchant is owed: gross, fees and net per business date and currency.",
    owner="finance-data@example.com",
    criticality="critical",
    schema=MerchantDailyNet,
    inputs=("card_settlements",),
    key=("merchant_id", "currency"),
    reconciles={
        "gross_minor": "amount_minor",
        "fee_minor": "fee_minor",
        "net_minor": "net_minor",
        "transactions": "1",
    },
    timeliness=Timeliness(expected_by=time(4, 0), target=time(6, 0), deadline=time(6, 0)),
    roles=Roles(needed={OperatorActionType.RESET_BREAKER: "operator"}),
)
