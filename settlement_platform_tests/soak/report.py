"""The report of a soak: what was killed and when, and every violation; kept after each round, and taken up again."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

TENTHS = 10


@dataclass
class Kills:
    """The kills of one kind of work: where in its duration, and how many came after the commit."""

    kills: int = 0
    recoveries: int = 0
    committed: int = 0
    ended_before: int = 0
    tenths: list[int] = field(default_factory=lambda: [0] * TENTHS)

    def add(self, share: float, *, committed: bool) -> None:
        """Count a kill at a share of the work's usual duration."""
        self.kills += 1
        self.committed += committed
        self.tenths[min(int(share * TENTHS), TENTHS - 1)] += 1


@dataclass
class SoakReport:
    """Everything that was killed so far under one seed."""

    seed: int
    scenes: int = 0
    seconds: float = 0.0
    sessions: int = 0
    kinds: dict[str, Kills] = field(default_factory=dict)
    durations: dict[str, float] = field(default_factory=dict)
    violations: list[dict[str, Any]] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(kind.kills for kind in self.kinds.values())

    def of(self, kind: str) -> Kills:
        """The kills of a kind."""
        return self.kinds.setdefault(kind, Kills())

    def save(self, path: Path) -> None:
        """Write it whole, or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".tmp")
        draft.write_text(json.dumps({"kills": self.kills, **asdict(self)}, indent=1), encoding="utf-8")
        draft.replace(path)

    def lines(self) -> list[str]:
        """The report for people, a line per kind."""
        killed = f"{self.kills} kills in {self.scenes} homes and {self.seconds / 60:.0f} minutes"
        found = [
            f"seed {self.seed}: {killed}, {len(self.violations)} violations",
            f"{'kind':12} {'kills':>6} {'recovered':>10} {'committed':>10} {'too late':>9}  kills by tenth of its time",
        ]
        for name, kind in sorted(self.kinds.items()):
            counts = f"{kind.kills:6} {kind.recoveries:10} {kind.committed:10} {kind.ended_before:9}"
            found.append(f"{name:12} {counts}  {' '.join(map(str, kind.tenths))}")
        counted = Counter(f"{v['kind']}, {v['stage']}: {v['what'].partition(': ')[2][:150]}" for v in self.violations)
        return found + [f"VIOLATION {count} x {what}" for what, count in counted.most_common()]


def take_up(path: Path, seed: int) -> SoakReport:
    """Return the report at a path, or a new one where there is none under this seed."""
    if not path.exists():
        return SoakReport(seed=seed)
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["seed"] != seed:
        message = f"{path} is of seed {stored['seed']}, not {seed}: name another report."
        raise SystemExit(message)
    stored.pop("kills")
    kinds = {name: Kills(**values) for name, values in stored.pop("kinds").items()}
    return SoakReport(**stored, kinds=kinds)
