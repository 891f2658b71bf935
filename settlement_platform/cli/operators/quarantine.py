"""`settlement quarantine list` and `show`: dates that are held back, and the evidence."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import out, print_json, state_text, table
from settlement_platform.cli.console.stores import date_bounds, open_stores, require_inspectable_date
from settlement_platform.cli.inspect.next_steps import date_views, superseded_by
from settlement_platform.control.facts import Check, OperatorAction, Verdict
from settlement_platform.control.publishing.operator_overrides import fold_overrides
from settlement_platform.datasets.published_table import PublishedTable
from settlement_platform.pipeline.inspection.date_view import DateView
from settlement_platform.pipeline.marts.outdated import inputs_of_date
from settlement_platform.pipeline.platform import Platform
from settlement_platform.settings import load_settings


def run_list(name: str | None, *, json: bool) -> int:
    """List the held dates of one or all datasets and marts."""
    settings = load_settings()
    chosen = (find_declared(name),) if name else load_catalog().tables
    begin, end = date_bounds(settings, None, None)
    with open_stores(settings, reading=True) as platform:
        held = [
            _QuarantinedDate.of(platform, d.name, o)
            for d in chosen
            for o in date_views(platform, d, begin, end)
            if o.state.held
        ]
    if json:
        print_json({"quarantined": [h.document() for h in held]})
        return DONE
    if not held:
        out.print("Nothing is in quarantine.")
        return DONE
    out.print(table(("dataset", "business date", "readers see", "waits for", "held because"), [h.row() for h in held]))
    return DONE


@dataclass(frozen=True, kw_only=True)
class _QuarantinedDate:
    """A held date, and the release of it that waits for another's approval."""

    dataset: str
    view: DateView
    released: OperatorAction | None

    @classmethod
    def of(cls, platform: Platform, dataset: str, view: DateView) -> Self:
        released = None
        if view.decision.awaits_approval:
            rulings = fold_overrides(platform.ledger.actions(dataset), view.business_date)
            released = rulings.released.get(view.content_hash or "")
        return cls(dataset=dataset, view=view, released=released)

    @property
    def waits_for(self) -> str:
        return "approval" if self.view.decision.awaits_approval else "a correction"

    @property
    def place(self) -> str:
        return f"{self.dataset} {self.view.business_date}"

    def document(self) -> dict[str, Any]:
        """As programs read it."""
        view, released = self.view, self.released
        return {
            "dataset": self.dataset,
            "business_date": view.business_date,
            "state": view.state.state,
            "content_hash": view.content_hash,
            "reasons": view.decision.reasons,
            "run_id": view.verdict.run_id if view.verdict else None,
            "held_since": view.verdict.decided_at if view.verdict else None,
            "waits_for": self.waits_for,
            "released_by": released.actor if released else None,
            "released_at": released.recorded_at if released else None,
        }

    def row(self) -> tuple[Any, ...]:
        """As people read it."""
        state, reasons = state_text(self.view.state.state), Text("; ".join(self.view.decision.reasons))
        return self.dataset, str(self.view.business_date), state, self.waits_for, reasons

    def next_step(self) -> str:
        if not self.view.decision.awaits_approval:
            return "have the provider deliver a corrected file; it supersedes this one by itself"
        return (
            f"settlement approve {self.place} --reason … publishes it; "
            f"settlement quarantine discard {self.place} --reason … declines it"
        )


def run_show(name: str, day: date, *, json: bool) -> int:
    """Show the evidence on one held date."""
    require_inspectable_date(day)
    declared = find_declared(name)
    if declared.inputs:
        return _show_mart(declared, day, json=json)
    with open_stores(load_settings(), reading=True) as platform:
        view = date_views(platform, declared, day, day)[0]
        held = _QuarantinedDate.of(platform, name, view)
        arrivals = {a.key: a for a in platform.ledger.arrivals(name, day, day)}
    if not view.state.held or view.verdict is None:
        message = f"{name} {day} is not in quarantine; it is {view.state.state}."
        raise WrongUsage(message, remedy=f"settlement explain {name} {day} says more.")
    inputs = [
        {"source": a.source, "key": a.key, "sha256": a.sha256, "bytes": a.bytes, "arrived_at": a.observed_at}
        for a in arrivals.values()
        if view.inputs and a.key in {d.data.key for d in view.inputs.deliveries}
    ]
    if json:
        checks = [_check_document(c) for c in view.verdict.checks]
        print_json({**held.document(), "inputs": inputs, "checks": checks})
        return DONE
    _print_held(held, view.verdict, inputs)
    return DONE


def _print_held(held: _QuarantinedDate, verdict: Verdict, inputs: list[dict[str, Any]]) -> None:
    out.print(f"{held.place}  held since {verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC, waits for {held.waits_for}")
    if held.view.decision.awaits_approval:
        for reason in held.view.decision.reasons:
            out.print(f"  - {reason}", markup=False)
    out.print(
        table(
            ("source", "file", "bytes", "sha256"),
            [(i["source"], i["key"], i["bytes"], i["sha256"]) for i in inputs],
        )
    )
    for check in (*verdict.failures, *verdict.warnings):
        _print_check(check)
    out.print(f"\nnext: {held.next_step()}", markup=False)


def _check_document(check: Check) -> dict[str, Any]:
    samples = [vars(sample) for sample in check.samples]
    return {**vars(check), "samples": samples}


def _print_check(check: Check) -> None:
    style = "bold red" if check.severity == "error" else "yellow"
    out.print()
    out.print(Text.assemble((check.name, style), f"  {check.message}"))
    if check.samples:
        rows = [(s.key, s.line, s.column, s.value) for s in check.samples]
        out.print(table(("file", "line", "column", "value"), rows))


def _show_mart(mart: PublishedTable, day: date, *, json: bool) -> int:
    """The evidence on a held date of a mart: the generations of its inputs that it was built from, and its checks."""
    with open_stores(load_settings(), reading=True) as platform:
        view = date_views(platform, mart, day, day)[0]
        inputs = inputs_of_date(platform.lake, mart, day)
        held = _QuarantinedDate.of(platform, mart.name, view)
    verdict = view.verdict
    if not view.state.quarantined or verdict is None:
        message = f"{mart.name} {day} is not in quarantine; it is {view.state.state}."
        raise WrongUsage(message, remedy=f"settlement explain {mart.name} {day} says more.")
    if json:
        of = [{"source": u.source, "key": u.key, "sha256": u.sha256, "bytes": u.bytes} for u in inputs]
        print_json({**held.document(), "inputs": of, "checks": [_check_document(c) for c in verdict.checks]})
        return DONE
    out.print(f"{mart.name} {day}  held since {verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    out.print(table(("input", "generation", "content hash"), [(u.source, u.key, u.sha256) for u in inputs]))
    for check in (*verdict.failures, *verdict.warnings):
        _print_check(check)
    out.print(f"\nnext: {superseded_by(mart)} by itself", markup=False)
    return DONE
