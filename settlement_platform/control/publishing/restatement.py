"""Restatements: what a new generation changes over the current one, and whether that needs approval."""

from collections.abc import Mapping
from dataclasses import dataclass

from settlement_platform.control.landing.control_files import Amount, add_amounts, magnitude, subtract_amounts
from settlement_platform.control.policies import Restating
from settlement_platform.control.reasons.publishing import (
    DECIMAL_NET_EFFECT_LIMIT_EXCEEDED,
    NET_EFFECT_LIMIT_EXCEEDED,
    RESTATEMENT_EFFECT,
    ROWS_LIMIT_EXCEEDED,
)
from settlement_platform.control.reasons.reason import Reason


@dataclass(frozen=True, kw_only=True)
class NetEffect:
    """The change of one merchant's sum in one currency, in the unit of the measure, exactly."""

    merchant: str
    currency: str
    before: Amount
    after: Amount

    @property
    def net(self) -> Amount:
        """Return by how much the sum changes."""
        return subtract_amounts(self.after, self.before)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The rows added, removed and changed, by key, and each merchant and currency whose sum changes."""

    previous_generation: int
    rows_before: int
    rows_added: int
    rows_removed: int
    rows_changed: int
    effects: tuple[NetEffect, ...] = ()

    @property
    def net_effects(self) -> Mapping[str, Amount]:
        """Return the change of the sum over all merchants per currency, in the unit of the measure."""
        found: dict[str, Amount] = {}
        for effect in self.effects:
            found[effect.currency] = add_amounts(found.get(effect.currency, 0), effect.net)
        return {currency: net for currency, net in sorted(found.items()) if net}

    @property
    def is_empty(self) -> bool:
        """Return whether both hold the same rows."""
        return not (self.rows_added or self.rows_removed or self.rows_changed)

    def summary(self) -> Reason:
        """Return the difference as one phrase."""
        effects = self.net_effects
        unit = " in minor units" if all(isinstance(net, int) for net in effects.values()) else ""
        net = ", ".join(f"{currency} {net:+,}" for currency, net in effects.items()) or "none"
        return RESTATEMENT_EFFECT(
            rows_added=self.rows_added,
            rows_removed=self.rows_removed,
            rows_changed=self.rows_changed,
            generation=self.previous_generation,
            unit=unit,
            net=net,
            net_effects=effects,
        )


def has_limits(limits: Restating | None) -> bool:
    """Return whether any restatement could need approval."""
    return limits is not None and (limits.rows_share is not None or limits.net_effect is not None)


def limit_breaches(difference: Difference, limits: Restating | None) -> tuple[Reason, ...]:
    """Return why a difference needs an operator's approval; empty where it needs none."""
    if limits is None:
        return ()
    found = []
    touched = difference.rows_added + difference.rows_removed + difference.rows_changed
    if limits.rows_share is not None and touched > limits.rows_share * difference.rows_before:
        found.append(ROWS_LIMIT_EXCEEDED(rows=touched, rows_before=difference.rows_before, limit=limits.rows_share))
    if limits.net_effect is not None:
        found += [
            (NET_EFFECT_LIMIT_EXCEEDED if isinstance(net, int) else DECIMAL_NET_EFFECT_LIMIT_EXCEEDED)(
                measure=limits.measure, currency=currency, net=net, limit=limits.net_effect
            )
            for currency, net in difference.net_effects.items()
            if magnitude(net) > limits.net_effect
        ]
    return tuple(found)
