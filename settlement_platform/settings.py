"""The settings of one installation, read once from the environment; nothing else reads it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.alert_channels import parse_channels

DEFAULT_ROLES = "operator=*"
"""Where nobody has been given the role of an operator, everyone has it."""


_SPECIAL_IN_URLS = re.compile(r"\?|%[0-9A-Fa-f]{2}")


DATABASE_URL = re.compile(r"[\w+]+://([^@]*@)?(\[[^/]*\]|[^/:?]*)(:\d*)?([/?].+)")
"""Scheme, user, host, port, and a path or options; what the database makes of them is its own."""


EARLIEST, LATEST = date(1970, 1, 1), date(2999, 12, 31)
"""The first business date lies between these, and no earlier one is looked at: arithmetic with dates ends at 9999."""


DATABASES = ("SETTLEMENT_CATALOG_URL", "SETTLEMENT_LEDGER_URL")
"""Variables whose values may hold a password."""


PROJECT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where everything is; see docs/settings.md for the variables and their defaults."""

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
        """Whether any store is an S3 bucket."""
        return any(url.startswith("s3://") for url in (self.landing_url, self.staging_url, self.lake_url))


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        PermanentFailure: a value cannot be read; the message names the variable and the form it must have.
    """
    env = os.environ if environment is None else environment
    home = _home(env, "SETTLEMENT_HOME", PROJECT / "data")
    return Settings(
        home=home,
        dagster_home=_home(env, "DAGSTER_HOME", home / "dagster"),
        dagster_home_exported=bool(env.get("DAGSTER_HOME")),
        landing_url=_url(env, "SETTLEMENT_LANDING_URL", home / "landing"),
        staging_url=_url(env, "SETTLEMENT_STAGING_URL", home / "staging"),
        lake_url=_url(env, "SETTLEMENT_LAKE_URL", home / "lake"),
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
    """Kept as it is: it holds keys, and is read where alerts are sent."""
    parse_channels(text)
    return text


def _roles(text: str) -> dict[str, frozenset[str]]:
    """`operator=ana,ben; approver=carla`, where `*` stands for everyone."""
    given = [part.partition("=") for part in text.split(";") if part.strip()]
    if any(not role.strip() or not sign for role, sign, _ in given):
        message = f"SETTLEMENT_ROLES is {text!r}, which names no roles."
        raise PermanentFailure(message, remedy="Write it as operator=ana,ben;approver=carla.")
    return {role.strip(): frozenset(m.strip() for m in members.split(",") if m.strip()) for role, _, members in given}


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment of a process that works on the same installation."""
    homes = {"SETTLEMENT_HOME": str(settings.home), "DAGSTER_HOME": str(settings.dagster_home)}
    return {**os.environ, **homes}


def _home(env: Mapping[str, str], name: str, default: Path) -> Path:
    """A folder; SQLite's URLs are made of it, Dagster's own among them, and these give two characters a meaning."""
    found = Path(env.get(name) or default).expanduser().resolve()
    if special := _SPECIAL_IN_URLS.search(str(found)):
        message = f"{name} is {str(found)!r}, and {special[0]!r} in it has a meaning of its own in a database's URL."
        raise PermanentFailure(message, remedy="Choose a folder without ? and without % before two hexadecimal digits.")
    return found


def _url(env: Mapping[str, str], name: str, default: Path) -> str:
    value = env.get(name) or str(default)
    if value.startswith("s3://"):
        return value.rstrip("/")
    if "://" in value and not value.startswith("file://"):
        message = f"{name} is {value!r}, which is neither a folder nor a bucket."
        raise PermanentFailure(message, remedy="Give a folder, or s3://bucket/prefix.")
    return str(Path(value.removeprefix("file://")).expanduser().resolve())


def _database(env: Mapping[str, str], name: str, default: Path) -> str:
    """The URL of a database; what is given is not shown, as it can hold a password."""
    value = env.get(name) or f"sqlite:///{default}"
    if not DATABASE_URL.fullmatch(value):
        message = f"{name} is not the URL of a database."
        raise PermanentFailure(message, remedy="Write it as sqlite:////folder/file.sqlite or postgresql://host/name.")
    return value


def _date(env: Mapping[str, str], name: str, default: str) -> date:
    value = env.get(name) or default
    try:
        found = date.fromisoformat(value)
    except ValueError:
        message = f"{name} is {value!r}, which is no date."
        raise PermanentFailure(message, remedy="Write it as 2026-01-31.") from None
    if not EARLIEST <= found <= LATEST:
        message = f"{name} is {found}, which lies outside {EARLIEST} to {LATEST}."
        raise PermanentFailure(message, remedy="Set the first date for which files are expected.")
    return found
