"""The marts that this platform serves; a new one is a line here."""

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.marts.mart import Mart
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform.marts.network_fee_summary import NETWORK_FEE_SUMMARY

MARTS: tuple[Mart, ...] = (MERCHANT_DAILY_NET, NETWORK_FEE_SUMMARY)


def find_mart(name: str) -> Mart:
    """The mart of that name.

    Raises:
        PermanentFailure: no mart has it.
    """
    for mart in MARTS:
        if mart.name == name:
            return mart
    message = f"No mart is called {name!r}."
    raise PermanentFailure(message, remedy=f"Known marts: {', '.join(m.name for m in MARTS)}.")


def marts_of(dataset: str) -> tuple[Mart, ...]:
    """The marts that read a dataset."""
    return tuple(m for m in MARTS if dataset in m.inputs)
