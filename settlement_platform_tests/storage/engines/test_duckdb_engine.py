"""The engine loads DuckDB's extensions quickly, and nothing whose signature was not accepted."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from settlement_platform.control.failures import PermanentFailure
from settlement_platform.storage.engines import duckdb_engine

NAME = "ducklake"


@pytest.fixture
def tampered(tmp_path: Path) -> Path:
    """The installed extension with one byte changed in the middle."""
    packaged = duckdb_engine.packaged_extension(NAME)
    assert packaged is not None
    content = bytearray(Path(packaged).read_bytes())
    content[len(content) // 2] ^= 1
    target = tmp_path / Path(packaged).name
    target.write_bytes(content)
    return target


@pytest.fixture
def not_verified_yet() -> Iterator[None]:
    """As in a process that has loaded nothing."""
    duckdb_engine.verified_extension.cache_clear()
    yield
    duckdb_engine.verified_extension.cache_clear()


def test_an_engine_prints_no_progress_bar_in_an_interpreter_that_duckdb_takes_for_interactive() -> None:
    code = (
        "from settlement_platform.storage.engines.duckdb_engine import connect_engine\n"
        "print(connect_engine().execute(\"SELECT current_setting('enable_progress_bar')\").fetchone()[0])"
    )
    setting = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert setting.stdout == "False\n"


def test_an_engine_has_the_extensions_that_it_was_prepared_with() -> None:
    prepared = duckdb_engine.prepare_engine(duckdb_engine.connect_engine(), extensions=duckdb_engine.EXTENSIONS)

    loaded = prepared.execute("SELECT extension_name FROM duckdb_extensions() WHERE loaded").fetchall()
    assert set(duckdb_engine.EXTENSIONS) <= {name for (name,) in loaded}


@pytest.mark.usefixtures("not_verified_yet")
def test_an_extension_that_was_tampered_with_is_refused(tampered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb_engine, "packaged_extension", lambda _: str(tampered))

    with pytest.raises(PermanentFailure, match=f"{NAME} cannot be loaded.*signature"):
        duckdb_engine.prepare_engine(duckdb_engine.connect_engine(), extensions=(NAME,))


def test_whoever_executes_sql_on_a_prepared_engine_cannot_load_what_nobody_verified(tampered: Path) -> None:
    """Nor lift the ban."""
    prepared = duckdb_engine.prepare_engine(duckdb_engine.connect_engine(), extensions=("sqlite_scanner",))

    with pytest.raises(duckdb.IOException, match="signature"):
        prepared.execute(f"LOAD '{tampered}'")
    with pytest.raises(duckdb.InvalidInputException, match="while database is running"):
        prepared.execute("SET allow_unsigned_extensions = true")
