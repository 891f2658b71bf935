"""Which code this is: the package's version and a digest of its sources, so that uncommitted changes show."""

import hashlib
from functools import cache
from pathlib import Path

import settlement_platform


@cache
def code_version() -> str:
    """For example `0.1.0+3fa9c21b07de`."""
    root = Path(settlement_platform.__file__).parent
    found = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.suffix in {".py", ".sql"}):
        found.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{settlement_platform.__version__}+{found.hexdigest()[:12]}"
