"""The fingerprints of the declared tables: they are part of every content hash on record."""

import pytest

from settlement_platform.catalog import load_catalog

RECORDED = {
    "card_settlements": "fae4bbb32f7e0496431d326e83fffff3f17a445bfbefc33a670065d9842a727b",
    "merchant_daily_net": "224e1229b544dea5dd82a17b22c02733d82b7fcefc0f59ab31d8f21a812f18fe",
    "network_fee_summary": "fe1c7f9164ee53baa62505c989aab1e130d4c9249c70c24d3d7a3e0440e73896",
}


@pytest.mark.parametrize(("name", "recorded"), RECORDED.items())
def test_a_fingerprint_is_the_recorded_one(name: str, recorded: str) -> None:
    """Another one shows every published date as judged under an older contract; the words of a rule count too."""
    catalog = load_catalog()
    fingerprints = {d.name: d.contract.fingerprint for d in catalog.datasets}
    fingerprints |= {m.name: m.fingerprint for m in catalog.marts}

    assert fingerprints[name] == recorded
