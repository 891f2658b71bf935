"""The screen in README.md: its commands, run in a terminal of a fixed width, and what they print.

`python -m settlement_platform_tests.readme_screen` runs the commands and writes their output into README.md.
"""

import fcntl
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
SETTLEMENT = Path(sys.executable).with_name("settlement")
SCREEN = re.compile(r"(?<=```console\n)(.*?)(?=```\n)", re.DOTALL)
COLUMNS = 120
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CLOCK = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d|\d+ days(?: \d+ h)? late")
SHOWN_HOME = "/srv/settlement"


def documented_screen(readme: str) -> str:
    """Return the text of the screen in the README."""
    found = SCREEN.search(readme)
    assert found, "README.md has no block ```console with the screen that a newcomer sees."
    return found[0]


def commands_of(screen: str) -> list[str]:
    """Return the commands of a screen, without their prompts."""
    return [line.removeprefix("$ ") for line in screen.splitlines() if line.startswith("$ ")]


def run_screen(commands: list[str], home: Path) -> str:
    """Run commands one after the other on a home; return what a terminal shows, prompts included."""
    shown = [f"$ {command}\n{_in_terminal(command, home)}" for command in commands]
    return "\n".join(shown).strip().replace(str(home), SHOWN_HOME) + "\n"


def comparable(screen: str) -> str:
    """Return a screen with each time masked: it differs from run to run, and may move the ends of lines."""
    return CLOCK.sub("<time>", " ".join(screen.split()))


def _in_terminal(command: str, home: Path) -> str:
    """Run a command with its standard output on a terminal; return the text without colours."""
    name, *arguments = shlex.split(command)
    assert name == "settlement", f"The screen shows commands of settlement only: {command}"
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    environment = {"PATH": os.environ["PATH"], "SETTLEMENT_HOME": str(home), "TERM": "xterm"}
    with subprocess.Popen(
        [SETTLEMENT, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.PIPE, env=environment
    ) as process:
        os.close(theirs)
        printed = _read_to_end(ours)
        errors = process.stderr.read() if process.stderr else b""
    assert process.returncode in {0, 3}, errors.decode()
    lines = ANSI.sub("", printed.decode()).replace("\r\n", "\n").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _read_to_end(terminal: int) -> bytes:
    """Read until the last process has closed the other end, which Linux reports as an error."""
    parts = []
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        try:
            while part := stream.read(65_536):
                parts.append(part)
        except OSError:
            pass
    return b"".join(parts)


def main() -> None:
    """Renew the screen in the README."""
    readme = README.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as home:
        screen = run_screen(commands_of(documented_screen(readme)), Path(home))
    README.write_text(SCREEN.sub(lambda _: screen, readme), encoding="utf-8")


if __name__ == "__main__":
    main()
