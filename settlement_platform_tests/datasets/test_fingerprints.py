"""The fingerprints of the declared tables: they are part of every content hash on record."""

import pytest

from settlement_platform.catalog import load_catalog

RECORDED = {
    "card_settlements": "eda44bf02f58c70478694835f9dc691763bf584e4dd6b8bdb4719806a5974b4f",
    "merchant_daily_net": "679baa47db0c3193c9c45c9364060fa1904b36418061f57f7d22bc793f0f6999",
    "network_fee_summary": "09176edc7e2ad7ff5ae1eb83c027fb8ee2c39ea84a2572ad58925700bd41f8a9",
}


@pytest.mark.parametrize(("name", "recorded"), RECORDED.items())
def test_a_fingerprint_is_the_recorded_one(name: str, recorded: str) -> None:
    """Another one makes every delivered date new content; the words that describe a rule count too."""
    catalog = load_catalog()
    fingerprints = {d.name: d.contract.fingerprint for d in catalog.datasets}
    fingerprints |= {m.name: m.fingerprint for m in catalog.marts}

    assert fingerprints[name] == recorded
