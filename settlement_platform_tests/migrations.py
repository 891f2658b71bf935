"""Dagster's migration scripts, read once for all databases of a test session."""

from functools import cache

from alembic.config import Config
from alembic.script import ScriptDirectory


def read_migrations_once() -> None:
    """Have Alembic reuse the scripts of a folder that it has read.

    Otherwise it compiles them anew for every database, which is half of what a new Dagster instance costs.
    """
    read = ScriptDirectory.from_config

    @cache
    def scripts_in(location: str) -> ScriptDirectory:
        config = Config()
        config.set_main_option("script_location", location)
        return read(config)

    def from_config(config: Config) -> ScriptDirectory:
        return scripts_in(config.get_main_option("script_location"))

    ScriptDirectory.from_config = from_config
