"""The effects of a restatement add up, and limits hold one that exceeds them."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from settlement_platform.control.policies import Restating
from settlement_platform.control.publishing.restatement import Difference, NetEffect, limit_breaches
from settlement_platform.control.reasons.reason import reason_codes

amounts = st.integers(min_value=-(2**70), max_value=2**70)
effects = st.lists(
    st.builds(
        lambda merchant, currency, before, after: NetEffect(
            merchant=merchant, currency=currency, before=before, after=after
        ),
        merchant=st.sampled_from(["m-1", "m-2", "m-3"]),
        currency=st.sampled_from(["EUR", "USD", "JPY"]),
        before=amounts,
        after=amounts,
    ),
    max_size=12,
    unique_by=lambda e: (e.merchant, e.currency),
)
counts = st.integers(min_value=0, max_value=1_000_000)


def a_difference(
    *found: NetEffect, before: int = 100, added: int = 0, removed: int = 0, changed: int = 0
) -> Difference:
    """The difference of a second generation over 100 rows."""
    return Difference(
        previous_generation=1,
        rows_before=before,
        rows_added=added,
        rows_removed=removed,
        rows_changed=changed,
        effects=found,
    )


def moves(currency: str, net: int, merchant: str = "m-1") -> NetEffect:
    """A merchant whose sum moves."""
    return NetEffect(merchant=merchant, currency=currency, before=1_000, after=1_000 + net)


@given(found=effects)
def test_net_effects_add_up_to_the_difference_of_the_sums(found: list[NetEffect]) -> None:
    """Per currency, in integers of any size; a currency that does not move is left out."""
    after, before = Counter[str](), Counter[str]()
    for effect in found:
        after[effect.currency] += effect.after
        before[effect.currency] += effect.before

    net = a_difference(*found).net_effects

    assert net == {c: after[c] - before[c] for c in after if after[c] != before[c]}
    assert list(net) == sorted(net)


@given(found=effects, added=counts, removed=counts, changed=counts)
def test_the_summary_names_every_count_and_every_currency_that_moves(
    found: list[NetEffect], added: int, removed: int, changed: int
) -> None:
    difference = a_difference(*found, added=added, removed=removed, changed=changed)

    said = difference.summary()

    assert said.code == "restatement_effect"
    assert said.parameters["net_effects"] == difference.net_effects
    assert [said.parameters[f"rows_{what}"] for what in ("added", "removed", "changed")] == [added, removed, changed]
    assert all(f"{currency} {net:+,}" in said for currency, net in difference.net_effects.items())


@given(found=effects, added=counts, limit=st.integers(0, 2**72), share=st.floats(0, 1), before=counts)
def test_a_difference_is_held_exactly_when_it_is_beyond_a_limit(
    found: list[NetEffect], added: int, limit: int, share: float, before: int
) -> None:
    difference = a_difference(*found, added=added, before=before)
    limits = Restating(measure="net_minor", rows_share=share, net_effect=limit)
    too_many = added > share * before
    too_much = [c for c, net in difference.net_effects.items() if abs(net) > limit]

    reasons = limit_breaches(difference, limits)

    assert len(reasons) == too_many + len(too_much)
    assert all(any(f" in {c} " in r for r in reasons) for c in too_much)


def test_without_limits_nothing_is_held() -> None:
    difference = a_difference(moves("EUR", 10**30), added=10**9)

    assert limit_breaches(difference, None) == ()
    assert limit_breaches(difference, Restating(measure="net_minor")) == ()


@pytest.mark.parametrize(("net", "held"), [(500, False), (-500, False), (501, True), (-501, True)])
def test_a_limit_itself_is_not_beyond_it(net: int, held: bool) -> None:
    """Up or down alike."""
    limits = Restating(measure="net_minor", net_effect=500)

    assert bool(limit_breaches(a_difference(moves("EUR", net)), limits)) == held


@pytest.mark.parametrize(("touched", "held"), [(10, False), (11, True)])
@pytest.mark.parametrize("kind", ["added", "removed", "changed"])
def test_rows_count_however_they_differ(kind: str, touched: int, held: bool) -> None:
    limits = Restating(measure="net_minor", rows_share=0.1)

    assert bool(limit_breaches(a_difference(**{kind: touched}), limits)) == held


def test_effects_that_cancel_out_within_a_currency_are_not_beyond_its_limit() -> None:
    """The limit speaks of the sum of a currency; other currencies do not make up for it."""
    limits = Restating(measure="net_minor", net_effect=0)
    within = a_difference(moves("EUR", 700), moves("EUR", -700, "m-2"))
    across = a_difference(moves("EUR", 700), moves("USD", -700, "m-2"))

    assert limit_breaches(within, limits) == ()
    assert [r.split()[2] for r in limit_breaches(across, limits)] == ["EUR", "USD"]


def test_what_is_beyond_a_limit_says_by_how_much_and_beyond_which() -> None:
    limits = Restating(measure="net_minor", rows_share=0.05, net_effect=10_000)
    difference = a_difference(moves("EUR", -1_234_567), added=3, removed=2, changed=1)

    assert reason_codes(limit_breaches(difference, limits)) == [
        {"code": "rows_limit_exceeded", "parameters": {"rows": 6, "rows_before": 100, "limit": 0.05}},
        {
            "code": "net_effect_limit_exceeded",
            "parameters": {"measure": "net_minor", "currency": "EUR", "net": -1_234_567, "limit": 10_000},
        },
    ]


@pytest.mark.parametrize(("limit", "held"), [(Decimal("0.40"), False), (Decimal("0.39"), True), (0, True), (1, False)])
def test_a_decimal_effect_is_compared_exactly(limit: int | Decimal, held: bool) -> None:
    """The sum of many tenths is no binary fraction."""
    effects = [
        NetEffect(merchant=f"m-{n}", currency="EUR", before=Decimal("1.40"), after=Decimal("1.50")) for n in range(4)
    ]
    difference = a_difference(*effects)

    reasons = limit_breaches(difference, Restating(measure="amount", net_effect=limit))

    assert difference.net_effects == {"EUR": Decimal("0.40")}
    assert [reason.code for reason in reasons] == ["decimal_net_effect_limit_exceeded"] * held
    assert not reasons or reasons[0].parameters["net"] == "0.40"
