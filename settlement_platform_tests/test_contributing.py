"""The example of a dataset in CONTRIBUTING.md, pasted into a copy of the package and published."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).parents[1]
PYTHON_BLOCK = re.compile(r"```python\n(.*?)```", re.DOTALL)
COMMAND = re.compile(r"^settlement (materialize payouts .*)$", re.MULTILINE)
DATE = "2026-01-01"
PAYOUTS = "payout_id,merchant_id,currency,amount_minor,business_date\np-1,m-1,EUR,1250,2026-01-01\n"


@dataclass(frozen=True)
class Copy:
    """A copy of the package, with a home of its own."""

    folder: Path

    def settlement(self, *arguments: str) -> Any:  # noqa: ANN401 - any JSON document
        """Run a command of the copy; return its JSON document."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.folder),
            "SETTLEMENT_HOME": str(self.folder / "home"),
        }
        command = [sys.executable, "-c", "from settlement_platform.cli.app import main; main()", *arguments, "--json"]
        ended = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, check=False)
        assert ended.returncode in {0, 3}, ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A copy of the package and of Dagster's files beside it."""
    shutil.copytree(PROJECT / "settlement_platform", tmp_path / "settlement_platform")
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    return Copy(tmp_path)


def paste_example(text: str, package: Path) -> None:
    """Do what the page says: write the new module, then name it in the catalog."""
    module, catalog_lines = PYTHON_BLOCK.findall(text)
    catalog = package / "datasets" / "catalog.py"
    *imports, _, declared = catalog_lines.splitlines()
    (package / "datasets" / "payouts.py").write_text(module, encoding="utf-8")
    changed, replaced = re.subn(
        r"^DATASETS\b.*$", lambda _: declared, catalog.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert replaced == 1, "CONTRIBUTING.md names a line of catalog.py that is not there."
    catalog.write_text(_after_docstring(changed, "\n".join(imports)), encoding="utf-8")


def _after_docstring(source: str, imports: str) -> str:
    docstring, _, rest = source.partition("\n\n")
    return f"{docstring}\n\n{imports}\n{rest}"


def deliver_payouts(landing: Path) -> None:
    """Deliver one payout of one date, and the control file after it."""
    folder = landing / DATE / "bank"
    folder.mkdir(parents=True)
    (folder / "payouts.csv").write_text(PAYOUTS, encoding="utf-8")
    control = {
        "business_date": DATE,
        "source": "bank",
        "sha256": sha256(PAYOUTS.encode()).hexdigest(),
        "rows": 1,
        "totals": {"EUR": {"amount_minor": 1250}},
    }
    (folder / "payouts.control.json").write_text(json.dumps(control), encoding="utf-8")


@pytest.mark.slow
def test_the_example_of_a_dataset_can_be_pasted_and_published(copy: Copy) -> None:
    """Pasted as it is, imports included, and run by the command that the page gives."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    command = COMMAND.search(text)
    assert command, "CONTRIBUTING.md has no command that materializes the example."
    paste_example(text, copy.folder / "settlement_platform")
    deliver_payouts(copy.folder / "home" / "landing")

    copy.settlement(*command[1].split())

    (item,) = copy.settlement("partitions", "payouts", "--from", DATE, "--to", DATE)["partitions"]
    assert (item["state"], item["rows"]) == ("final", 1)
