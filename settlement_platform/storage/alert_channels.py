"""The channels that deliver alerts to their owners; without a channel, an alert goes to the log."""

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
"""Per severity of an alert, the notification type of apprise."""


@dataclass(frozen=True, kw_only=True)
class AlertChannel:
    """One address; records name it by its service and its position in the setting (from 1), as the URL holds secrets.

    It receives the alerts of its `kinds`.
    """

    position: int
    url: str = field(repr=False)
    kinds: frozenset[str] = ALL_KINDS

    def wants(self, kind: str) -> bool:
        """Return whether it receives alerts of this kind; a message without a kind goes to every channel."""
        return not kind or kind in self.kinds

    @property
    def name(self) -> str:
        """The name that records may show."""
        scheme = self.url.partition("://")[0]
        return f"channel {self.position} of SETTLEMENT_ALERT_URLS ({scheme})"

    @cached_property
    def service(self) -> "Apprise | None":
        """The apprise service that sends to it; None if no service has such URLs."""
        from apprise import Apprise, AppriseAsset  # noqa: PLC0415 - a quarter of a second, only where alerts are sent

        # Their debug messages contain the whole URL; failures come back with the result.
        logging.getLogger("apprise").setLevel(logging.WARNING)
        logging.getLogger("apprise").propagate = False
        logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
        found = Apprise(asset=AppriseAsset(app_id=_SENDER, secure_logging=True))
        return found if found.add(self.url) else None

    def send(self, title: str, text: str, timeout_seconds: float, *, severity: str = "") -> str:
        """Send a message within `timeout_seconds`; return why it was not delivered, empty if it was."""
        if self.service is None:
            return f"{self.name}: no service supports URLs of this form"
        from apprise import AppriseResultStatus, NotifyType  # noqa: PLC0415 - as above

        kind = NotifyType(_APPRISE_TYPES.get(severity, "info"))
        with self.service.notify(body=text, title=title, notify_type=kind, timeout=timeout_seconds) as result:
            if result.status is AppriseResultStatus.SUCCESS:
                return ""
            if result.status is AppriseResultStatus.TIMEOUT:
                return f"{self.name}: no answer within {timeout_seconds:.0f} s"
            statuses = [found[1] for entry in result.logs() if (found := _HTTP_STATUS.search(entry.message))]
        return f"{self.name}: {f'it answered HTTP {statuses[-1]}' if statuses else 'it could not be reached'}"


@dataclass(frozen=True, kw_only=True)
class DeliveryResult:
    """The result of a delivery: whether a channel accepted it, and the channels that did and those that failed."""

    delivered: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class AlertChannels:
    """The channels per owner; the owner '' has the default channels, for every owner without their own."""

    by_owner: Mapping[str, tuple[AlertChannel, ...]]
    timeout_seconds: float = TIMEOUT_SECONDS

    def channels_for(self, owner: str, kind: str = "") -> tuple[AlertChannel, ...]:
        """Return the channels of an owner for a kind; the default channels if none of the owner's own wants it.

        A message for everyone (the owner '') goes to the default channels, or to all channels if there are none.
        """
        everyone = () if owner else tuple(c for channels in self.by_owner.values() for c in channels)
        for channels in (self.by_owner.get(owner, ()), self.by_owner.get("", ()), everyone):
            if wanting := tuple(c for c in channels if c.wants(kind)):
                return wanting
        return ()

    def deliver(self, owner: str, title: str, text: str, *, kind: str = "", severity: str = "") -> DeliveryResult:
        """Notify an owner; the message is delivered once one channel accepts it, and a dead channel raises nothing.

        Services show a `severity` of critical, warning or resolved as a color or a level of their own.
        """
        channels = self.channels_for(owner, kind)
        if not channels:
            # Libraries that reconfigure logging disable existing loggers; that must not lose an alert.
            LOG.disabled = False
            LOG.warning("%s (for %s)\n%s", title, owner or "everyone", text)
            return DeliveryResult(delivered=True, detail="log")
        problems = [c.send(title, text, self.timeout_seconds, severity=severity) for c in channels]
        failed = [p for p in problems if p]
        accepted = ", ".join(c.name for c, p in zip(channels, problems, strict=True) if not p)
        for problem in failed:
            LOG.warning("An alert for %s was not delivered: %s", owner or "everyone", problem)
        return DeliveryResult(delivered=bool(accepted), detail="; ".join(filter(None, (accepted, *failed))))


def parse_channels(text: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> AlertChannels:
    """Read SETTLEMENT_ALERT_URLS: `owner=url,url`, `owner[kind,kind]=url` or `url`, separated by white space.

    Any other entry becomes a channel that delivers nothing and reports that, so that no alert is lost silently.

    Raises:
        PermanentFailure: an entry names an unknown kind of alert.
    """
    found: dict[str, list[AlertChannel]] = {}
    for owner, channel in _entries(text.split()):
        found.setdefault(owner, []).append(channel)
    return AlertChannels(by_owner={o: tuple(c) for o, c in found.items()}, timeout_seconds=timeout_seconds)


def _entries(entries: Sequence[str]) -> Iterator[tuple[str, AlertChannel]]:
    position = 0
    for entry in entries:
        parsed = _ENTRY.fullmatch(entry)
        owner, urls = (parsed["owner"] or "", parsed["urls"]) if parsed else ("", "unknown://")
        kinds = _kinds(parsed["kinds"]) if parsed and parsed["kinds"] is not None else ALL_KINDS
        for url in _NEXT_URL.split(urls):
            position += 1
            yield owner, AlertChannel(position=position, url=url, kinds=kinds)


def _kinds(text: str) -> frozenset[str]:
    found = frozenset(kind for kind in text.split(",") if kind)
    if not found or not found <= ALL_KINDS:
        wrong = ", ".join(sorted(found - ALL_KINDS)) or "no kind at all"
        message = f"SETTLEMENT_ALERT_URLS names {wrong} in [{text}], which is not a kind of alert."
        raise PermanentFailure(message, remedy=f"Name kinds from {', '.join(AlertKind)}, or omit the brackets.")
    return found
