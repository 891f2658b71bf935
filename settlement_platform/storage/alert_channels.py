"""Delivering alerts to their owners' channels; without any they go to the log."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from settlement_platform.control.alerts.episodes import AlertKind
from settlement_platform.control.failures import PermanentFailure

if TYPE_CHECKING:
    from apprise import Apprise


ALL_KINDS = frozenset(kind.value for kind in AlertKind)


LOG = logging.getLogger("settlement_platform.alerts")


TIMEOUT_SECONDS = 10.0


_ENTRY = re.compile(
    r"(?:(?P<owner>[^=\s\[]*)(?:\[(?P<kinds>[^\]=]*)\])?=)?(?P<urls>[A-Za-z][A-Za-z0-9+.-]*://.*)", re.DOTALL
)


_NEXT_URL = re.compile(r",(?=[A-Za-z][A-Za-z0-9+.-]*://)")


_HTTP_STATUS = re.compile(r"error=([0-9]{3})")


_SENDER = "settlement"


_APPRISE_TYPES = {"critical": "failure", "warning": "warning", "resolved": "success"}
"""What apprise calls the severities of alerts."""


@dataclass(frozen=True, kw_only=True)
class AlertChannel:
    """One address, known in records by its service and its place in the setting: the URL itself holds secrets."""

    position: int
    url: str = field(repr=False)
    kinds: frozenset[str] = ALL_KINDS

    def wants(self, kind: str) -> bool:
        """Whether it is told of alerts of this kind; of what has none it is."""
        return not kind or kind in self.kinds

    @property
    def name(self) -> str:
        """What may be shown of it."""
        scheme = self.url.partition("://")[0]
        return f"channel {self.position} of SETTLEMENT_ALERT_URLS ({scheme})"

    @cached_property
    def service(self) -> "Apprise | None":
        """What sends to it; None when no service has such URLs."""
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - a quarter of a second, only where alerts are sent

        # What these say at their lowest levels holds the whole URL; the failures come back with the result.
        logging.getLogger("apprise").setLevel(logging.WARNING)
        logging.getLogger("apprise").propagate = False
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        found = Apprise(asset=AppriseAsset(app_id=_SENDER, secure_logging=True))
        return found if found.add(self.url) else None

    def send(self, title: str, text: str, timeout_seconds: float, *, severity: str = "") -> str:
        """Send; returns why it was not delivered, empty when it was."""
        if self.service is None:
            return f"{self.name}: no service has addresses of this form"
        from apprise import AppriseResultStatus, NotifyType  # noqa: PLC0415 - as above

        kind = NotifyType(_APPRISE_TYPES.get(severity, "info"))
        with self.service.notify(body=text, title=title, notify_type=kind, timeout=timeout_seconds) as result:
            if result.status is AppriseResultStatus.SUCCESS:
                return ""
            if result.status is AppriseResultStatus.TIMEOUT:
                return f"{self.name}: no answer within {timeout_seconds:.0f} s"
            answers = [found[1] for entry in result.logs() if (found := _HTTP_STATUS.search(entry.message))]
        return f"{self.name}: {f'it answered {answers[-1]}' if answers else 'it could not be reached'}"


@dataclass(frozen=True, kw_only=True)
class DeliveryResult:
    """Whether somebody was told, and what went wrong on the way."""

    delivered: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class AlertChannels:
    """The channels per owner; those of the owner '' are for every owner without one."""

    by_owner: Mapping[str, tuple[AlertChannel, ...]]
    timeout_seconds: float = TIMEOUT_SECONDS

    def channels_for(self, owner: str, kind: str = "") -> tuple[AlertChannel, ...]:
        """Where an owner is told of a kind: of what none of the owner's channels wants, the default channels are told.

        What concerns everyone goes to the default channels, or to all if there are none.
        """
        everyone = () if owner else tuple(c for channels in self.by_owner.values() for c in channels)
        for channels in (self.by_owner.get(owner, ()), self.by_owner.get("", ()), everyone):
            if wanting := tuple(c for c in channels if c.wants(kind)):
                return wanting
        return ()

    def deliver(self, owner: str, title: str, text: str, *, kind: str = "", severity: str = "") -> DeliveryResult:
        """Tell an owner; delivered means that one channel took it. A dead channel is no error.

        Services show a `severity` of critical, warning or resolved in their own way, as a color or a level.
        """
        channels = self.channels_for(owner, kind)
        if not channels:
            # Libraries that configure logging anew switch off what exists; an alert must not be lost by that.
            LOG.disabled = False
            LOG.warning("%s (for %s)\n%s", title, owner or "everyone", text)
            return DeliveryResult(delivered=True, detail="log")
        problems = [c.send(title, text, self.timeout_seconds, severity=severity) for c in channels]
        failed = [p for p in problems if p]
        taken = ", ".join(c.name for c, p in zip(channels, problems, strict=True) if not p)
        for problem in failed:
            LOG.warning("An alert for %s was not delivered: %s", owner or "everyone", problem)
        return DeliveryResult(delivered=bool(taken), detail="; ".join(filter(None, (taken, *failed))))


def parse_channels(text: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> AlertChannels:
    """Read SETTLEMENT_ALERT_URLS: `owner=url,url`, `owner[kind,kind]=url` or `url`, set apart by white space.

    An entry that is none of them becomes a channel that delivers nothing and says so: an alert is never lost for it.

    Raises:
        PermanentFailure: a kind is named that no alert has.
    """
    found: dict[str, list[AlertChannel]] = {}
    for owner, channel in _entries(text.split()):
        found.setdefault(owner, []).append(channel)
    return AlertChannels(by_owner={o: tuple(c) for o, c in found.items()}, timeout_seconds=timeout_seconds)


def _entries(entries: Sequence[str]) -> Iterator[tuple[str, AlertChannel]]:
    place = 0
    for entry in entries:
        parsed = _ENTRY.fullmatch(entry)
        owner, urls = (parsed["owner"] or "", parsed["urls"]) if parsed else ("", "unknown://")
        kinds = _kinds(parsed["kinds"]) if parsed and parsed["kinds"] is not None else ALL_KINDS
        for url in _NEXT_URL.split(urls):
            place += 1
            yield owner, AlertChannel(position=place, url=url, kinds=kinds)


def _kinds(text: str) -> frozenset[str]:
    found = frozenset(word for word in text.split(",") if word)
    if not found or not found <= ALL_KINDS:
        wrong = ", ".join(sorted(found - ALL_KINDS)) or "no kind at all"
        message = f"SETTLEMENT_ALERT_URLS names {wrong} in [{text}], and alerts are of other kinds."
        raise PermanentFailure(message, remedy=f"Name some of {', '.join(AlertKind)}, or leave the brackets out.")
    return found
