"""The marts that this platform serves; a new one is a line here."""

from settlement_platform.marts.mart import Mart
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.marts.network_fee_summary import NETWORK_FEE_SUMMARY

MARTS: tuple[Mart, ...] = (MERCHANT_DAILY_NET, NETWORK_FEE_SUMMARY)


def marts_of(dataset: str) -> tuple[Mart, ...]:
    """The marts that read a dataset."""
    return tuple(m for m in MARTS if dataset in m.inputs)
