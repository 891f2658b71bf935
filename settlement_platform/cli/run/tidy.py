"""`settlement tidy`: plans and runs the merging, expiry and removal of files."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from settlement_platform.cli.console.exit_codes import DONE, REFUSED, WrongUsage
from settlement_platform.cli.console.output import err, out, print_json, print_reasons, table
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import open_stores
from settlement_platform.control.maintenance.retention import RETENTION
from settlement_platform.pipeline.maintenance.steps import TidyStep
from settlement_platform.pipeline.maintenance.tidy import TidyResult, authorize_tidy, plan_tidy, step_summary, tidy
from settlement_platform.settings import load_settings

_COLUMNS = ("step", "table", "files", "into", "bytes", "snapshots")


def run_tidy(*, dry_run: bool, nobody_reads: bool, reason: str, actor: str | None, json: bool) -> int:
    """Show the plan, or run it; return 3 if something was left because a run is using it."""
    if dry_run:
        return _plan(nobody_reads=nobody_reads, json=json)
    if not reason.strip():
        message = "tidy changes what is stored, so it needs a reason."
        raise WrongUsage(message, remedy="Give --reason, or see the plan with --dry-run.")
    with open_stores(load_settings()) as platform:
        request = make_request(actor, reason)
        authorize_tidy(platform.members, request)
        tidied = tidy(platform, request, nobody_reads=nobody_reads, announce=_announce)
    _show_result(tidied, json=json)
    return REFUSED if tidied.prevented else DONE


def _plan(*, nobody_reads: bool, json: bool) -> int:
    with open_stores(load_settings(), reading=True) as platform:
        steps = plan_tidy(platform, nobody_reads=nobody_reads)
    if json:
        print_json({"dry_run": True, "retention": _retention(), "steps": [step_summary(s) for s in steps]})
    else:
        _print(steps, "Plan")
    return DONE


def _announce(steps: Sequence[TidyStep]) -> None:
    texts = [_step_text(step) for step in steps if not step.idle]
    err.print(f"tidy: {'; '.join(texts) or 'nothing to do'}", markup=False, style="dim")


def _show_result(tidied: TidyResult, *, json: bool) -> None:
    if json:
        planned, done = ([step_summary(s) for s in steps] for steps in (tidied.planned, tidied.done))
        print_json({"dry_run": False, "retention": _retention(), "planned": planned, "steps": done})
    else:
        _print(tidied.done, "Done")


def _print(steps: Sequence[TidyStep], title: str) -> None:
    rows = [(s.step, s.table or None, s.files, s.made or None, s.bytes, s.snapshots) for s in steps]
    out.print(table(_COLUMNS, rows, title=f"{title}; the lake keeps {RETENTION.description}"))
    for step in steps:
        if step.reasons or step.left:
            out.print(f"\n{step.step} {step.table}".rstrip(), markup=False)
            print_reasons(step.reasons)
            print_reasons(f"left alone: {text}" for text in step.left)


def _step_text(step: TidyStep) -> str:
    if step.snapshots:
        return f"{step.step} {step.snapshots} snapshots"
    place = f" of {step.table}" if step.table else ""
    return f"{step.step} {step.files} files{place}, {step.bytes:,} bytes"


def _retention() -> dict[str, Any]:
    return {
        "snapshots_days": RETENTION.snapshots / timedelta(days=1),
        "grace_days": RETENTION.grace / timedelta(days=1),
        "small_bytes": RETENTION.small_bytes,
        "merged_bytes": RETENTION.merged_bytes,
        "fewest_files": RETENTION.fewest_files,
    }
