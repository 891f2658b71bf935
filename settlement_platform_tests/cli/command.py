"""The `settlement` command as a user's shell runs it: a process of its own, with an environment of its own."""

import atexit
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from settlement_platform.cli.app import main
from settlement_platform_tests.deliveries import Delivery, some_rows
from settlement_platform_tests.processes import FORKING

SETTLEMENT = Path(sys.executable).with_name("settlement")
NAME = "card_settlements"
MARTS = ("merchant_daily_net", "network_fee_summary")
RFC3339_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
PATIENCE_SECONDS = 120
DAYS = [f"2026-01-0{n}" for n in range(1, 10)]

_KEPT = ("PATH", "PYTHONPATH")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - any document
        """Standard output as the one JSON object that it has to be."""
        document = json.loads(self.out)
        assert isinstance(document, dict), f"no object: {self.out[:200]}"
        return document


@dataclass(frozen=True, kw_only=True)
class Shell:
    """A home, and commands on it; nothing else is exported but what `exported` says."""

    home: Path
    exported: tuple[tuple[str, str], ...] = ()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the commands."""
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return {**kept, "SETTLEMENT_HOME": str(self.home), **dict(self.exported)}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a command as a shell does, in a folder that has nothing to do with the project; do not wait for it."""
        return subprocess.Popen(
            [SETTLEMENT, *arguments],
            env=self.environment,
            cwd=tempfile.gettempdir(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str) -> Finished:
        """Run a command to its end, in a process with all modules loaded."""
        with tempfile.TemporaryDirectory() as folder:
            out, err = Path(folder, "out"), Path(folder, "err")
            process = FORKING.Process(target=_execute, args=(arguments, self.environment, out, err))
            process.start()
            process.join(PATIENCE_SECONDS)
            code = process.exitcode
            if code is None:
                process.kill()
                pytest.fail(f"settlement {' '.join(arguments)} has not ended after {PATIENCE_SECONDS} s")
            return Finished(code=code, out=out.read_text(encoding="utf-8"), err=err.read_text(encoding="utf-8"))

    def here(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Finished:
        """Run a command in this process: the same way through `main`, without the seconds that imports cost."""
        for name in [n for n in os.environ if n.startswith(("SETTLEMENT_", "DAGSTER_"))]:
            monkeypatch.delenv(name)
        for name, value in (("SETTLEMENT_HOME", str(self.home)), *self.exported):
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["settlement", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        # A command that ends soon needs none; a session of tests does.
        gc.enable()
        printed = capsys.readouterr()
        return Finished(code=int(ended.value.code or 0), out=printed.out, err=printed.err)

    def materialize(self, first: str, last: str, *more: str) -> Finished:
        """Materialize a range of the dataset's dates."""
        return self("materialize", NAME, "--from", first, "--to", last, *more)

    def rows_of(self, query: str, *more: str) -> Sequence[Sequence[Any]]:
        """The rows of a query."""
        finished = self("sql", query, "--json", *more)
        assert finished.code == 0, finished.err
        return finished.json["rows"]


def _execute(arguments: Sequence[str], environment: dict[str, str], out: Path, err: Path) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(tempfile.gettempdir())
    for path, printed in ((out, sys.stdout), (err, sys.stderr)):
        with path.open("wb") as target:
            os.dup2(target.fileno(), printed.fileno())
    sys.argv = ["settlement", *arguments]
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    # A forked process ends without what an interpreter does at its end: connections and files would stay.
    gc.collect()
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no other way to have them run
    sys.exit(code)


def times_in(document: Any) -> list[str]:  # noqa: ANN401 - any document
    """Every value whose name ends in `_at` or `_since`, however deep."""
    if isinstance(document, list):
        return [time for item in document for time in times_in(item)]
    if not isinstance(document, dict):
        return []
    own = [v for k, v in document.items() if k.endswith(("_at", "_since")) and v is not None]
    return own + [time for item in document.values() for time in times_in(item)]


def codes_in(reasons: Sequence[dict[str, Any] | None] | None) -> list[str | None]:
    """Return the codes in a `reason_codes` field, None for a sentence without one."""
    return [each["code"] if each else None for each in reasons or ()]


Settle = Callable[..., Finished]
"""A command on one home, run in the test's process."""


def deliver_days(settle: Settle, days: int, *more: str) -> None:
    """So many dates in the landing zone."""
    assert settle("generate", "--days", str(days), "--rows", "30", *more).code == 0


def correct(shell: Shell, day: str) -> None:
    """Another visa file of a date."""
    business_date = date.fromisoformat(day)
    rows = some_rows(business_date, "visa", 4)
    Delivery(business_date=business_date, source="visa", rows=rows).write(shell.home / "landing")
