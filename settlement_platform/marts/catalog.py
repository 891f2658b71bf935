"""The marts that this platform serves; alone because a new mart adds its line here."""

from settlement_platform.marts.mart import Mart
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.marts.network_fee_summary import NETWORK_FEE_SUMMARY

MARTS: tuple[Mart, ...] = (MERCHANT_DAILY_NET, NETWORK_FEE_SUMMARY)
