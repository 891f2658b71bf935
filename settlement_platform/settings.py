"""The settings of one installation, read once from the environment; no other module reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.alert_channels import parse_channels

DEFAULT_ROLES = "operator=*"
"""By default everyone is an operator."""

_SPECIAL_IN_URLS = re.compile(r"\?|%[0-9A-Fa-f]{2}")

DATABASE_URL = re.compile(r"[\w+]+://([^@]*@)?(\[[^/]*\]|[^/:?]*)(:\d*)?([/?].+)")
"""Scheme, user, host, port, and a path or options; the database itself checks them further."""

EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
"""The range of the first business date, far from year 9999, where date arithmetic ends."""

DATABASES = ("SETTLEMENT_CATALOG_URL", "SETTLEMENT_LEDGER_URL")
"""Variables whose values may contain a password."""

PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Locations, first date, roles and alert channels; docs/settings.md lists variables and defaults."""

    home: Path
    dagster_home: Path
    dagster_home_exported: bool
    landing_url: str
    staging_url: str
    lake_url: str
    catalog_url: str
    ledger_url: str
    s3_endpoint_url: str | None
    s3_region: str
    first_date: date
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)
    alert_urls: str = ""
    exported_databases: frozenset[str] = frozenset()

    @property
    def uses_s3(self) -> bool:
        """Return whether any store is an S3 bucket."""
        return any(url.startswith("s3://") for url in (self.landing_url, self.staging_url, self.lake_url))


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        PermanentFailure: a value is invalid; the message names the variable and the valid form.
    """
    env = os.environ if environment is None else environment
    home = _home(env, "SETTLEMENT_HOME", PROJECT / "data")
    return Settings(
        home=home,
        dagster_home=_home(env, "DAGSTER_HOME", home / "dagster"),
        dagster_home_exported=bool(env.get("DAGSTER_HOME")),
        landing_url=_url(env, "SETTLEMENT_LANDING_URL", home / "landing"),
        staging_url=_url(env, "SETTLEMENT_STAGING_URL", home / "staging"),
        lake_url=_lake_url(env, home),
        catalog_url=_database(env, "SETTLEMENT_CATALOG_URL", home / "lake" / "catalog.sqlite"),
        ledger_url=_database(env, "SETTLEMENT_LEDGER_URL", home / "ledger.sqlite"),
        s3_endpoint_url=env.get("SETTLEMENT_S3_ENDPOINT_URL") or None,
        s3_region=env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1",
        first_date=_date(env, "SETTLEMENT_FIRST_DATE", "2026-01-01"),
        roles=_roles(env.get("SETTLEMENT_ROLES") or DEFAULT_ROLES),
        alert_urls=_alert_urls(env.get("SETTLEMENT_ALERT_URLS") or ""),
        exported_databases=frozenset(n for n in DATABASES if environment is None and env.get(n)),
    )


def _alert_urls(text: str) -> str:
    """Require valid channels, and return the text: it contains keys, so only the sending code parses it."""
    parse_channels(text)
    return text


def _roles(text: str) -> dict[str, frozenset[str]]:
    """Parse `operator=ana,ben; approver=carla`, where `*` is everyone."""
    given = [part.partition("=") for part in text.split(";") if part.strip()]
    if any(not role.strip() or not sign for role, sign, _ in given):
        message = f"SETTLEMENT_ROLES is {text!r}, which is not a list of roles."
        raise PermanentFailure(message, remedy="Write it as operator=ana,ben;approver=carla.")
    return {role.strip(): frozenset(m.strip() for m in members.split(",") if m.strip()) for role, _, members in given}


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment for a child process on the same installation."""
    homes = {"SETTLEMENT_HOME": str(settings.home), "DAGSTER_HOME": str(settings.dagster_home)}
    return {**os.environ, **homes}


def _home(env: Mapping[str, str], name: str, default: Path) -> Path:
    """Return a folder whose path can be part of a SQLite URL; Dagster builds such URLs from it too."""
    found = Path(env.get(name) or default).expanduser().resolve()
    if special := _SPECIAL_IN_URLS.search(str(found)):
        message = f"{name} is {str(found)!r}, and {special[0]!r} has a special meaning in a database URL."
        raise PermanentFailure(message, remedy="Choose a folder without ? and without % before two hexadecimal digits.")
    return found


def _url(env: Mapping[str, str], name: str, default: Path) -> str:
    value = env.get(name) or str(default)
    if value.startswith("s3://"):
        return value.rstrip("/")
    if "://" in value and not value.startswith("file://"):
        message = f"{name} is {value!r}, which is neither a folder nor an S3 bucket."
        raise PermanentFailure(message, remedy="Give a folder, or s3://bucket/prefix.")
    return str(Path(value.removeprefix("file://")).expanduser().resolve())


def _lake_url(env: Mapping[str, str], home: Path) -> str:
    """Return the folder or bucket of the lake, without a backslash: DuckLake takes that for a folder's end."""
    found = _url(env, "SETTLEMENT_LAKE_URL", home / "lake")
    if "\\" in found:
        name = "SETTLEMENT_LAKE_URL" if env.get("SETTLEMENT_LAKE_URL") else "SETTLEMENT_HOME"
        message = f"{name} puts the lake into {found}, and a lake's path cannot have a backslash."
        raise PermanentFailure(message, remedy="Choose a folder without a backslash in its path.")
    return found


def _database(env: Mapping[str, str], name: str, default: Path) -> str:
    """Return the URL of a database; errors do not show the value, as it can contain a password."""
    value = env.get(name) or f"sqlite:///{default}"
    if not DATABASE_URL.fullmatch(value):
        message = f"{name} is not a database URL."
        raise PermanentFailure(message, remedy="Write it as sqlite:////folder/file.sqlite or postgresql://host/name.")
    return value


def _date(env: Mapping[str, str], name: str, default: str) -> date:
    value = env.get(name) or default
    try:
        found = date.fromisoformat(value)
    except ValueError:
        message = f"{name} is {value!r}, which is not a date."
        raise PermanentFailure(message, remedy="Write it as 2026-01-31.") from None
    if not EARLIEST <= found <= LATEST:
        message = f"{name} is {found}, which is outside {EARLIEST} to {LATEST}."
        raise PermanentFailure(message, remedy="Set it to the first date with files.")
    return found
