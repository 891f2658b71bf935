"""`settlement quarantine list` and `show`: the quarantined dates, and the evidence."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from rich.text import Text

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.console.exit_codes import DONE, WrongUsage
from settlement_platform.cli.console.find_declared import find_declared
from settlement_platform.cli.console.output import out, print_json, print_reasons, state_text, table
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
    """List the quarantined dates of one or all datasets and marts."""
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
    for each in held:
        out.print(Text.assemble(f"{each.place}  ", state_text(each.view.state.state), f"; waits for {each.waits_for}"))
        print_reasons(each.view.decision.reasons)
    return DONE


@dataclass(frozen=True, kw_only=True)
class _QuarantinedDate:
    """A quarantined date, and its release that waits for a second person, if any."""

    dataset: str
    view: DateView
    released: OperatorAction | None

    @classmethod
    def of(cls, platform: Platform, dataset: str, view: DateView) -> Self:
        released = None
        if view.decision.awaits_approval:
            overrides = fold_overrides(platform.ledger.actions(dataset), view.business_date)
            released = overrides.released.get(view.content_hash or "")
        return cls(dataset=dataset, view=view, released=released)

    @property
    def waits_for(self) -> str:
        return "approval" if self.view.decision.awaits_approval else "a correction"

    @property
    def place(self) -> str:
        return f"{self.dataset} {self.view.business_date}"

    def document(self) -> dict[str, Any]:
        """Return it as a JSON document."""
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

    def next_step(self) -> str:
        if not self.view.decision.awaits_approval:
            return "request a corrected file from the provider; it supersedes this one automatically"
        return (
            f"settlement approve {self.place} --reason … publishes it; "
            f"settlement quarantine discard {self.place} --reason … rejects it"
        )


def run_show(name: str, day: date, *, json: bool) -> int:
    """Show the evidence on one quarantined date."""
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
        raise WrongUsage(message, remedy=f"settlement explain {name} {day} shows why.")
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
    state = "quarantined" if held.view.state.quarantined else "pending"
    out.print(f"{held.place}  {state} since {verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC; waits for {held.waits_for}")
    if held.view.decision.awaits_approval:
        print_reasons(held.view.decision.reasons)
    for each in inputs:
        out.print(f"  {each['key']}  {each['bytes']:,} bytes\n    sha256 {each['sha256']}", markup=False)
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
    """Show the evidence on a quarantined date of a mart: the generations of its inputs, and its checks."""
    with open_stores(load_settings(), reading=True) as platform:
        view = date_views(platform, mart, day, day)[0]
        inputs = inputs_of_date(platform.lake, mart, day)
        held = _QuarantinedDate.of(platform, mart.name, view)
    verdict = view.verdict
    if not view.state.quarantined or verdict is None:
        message = f"{mart.name} {day} is not in quarantine; it is {view.state.state}."
        raise WrongUsage(message, remedy=f"settlement explain {mart.name} {day} shows why.")
    if json:
        of = [{"source": u.source, "key": u.key, "sha256": u.sha256, "bytes": u.bytes} for u in inputs]
        print_json({**held.document(), "inputs": of, "checks": [_check_document(c) for c in verdict.checks]})
        return DONE
    out.print(f"{mart.name} {day}  quarantined since {verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    for each in inputs:
        out.print(f"  {each.source}  generation {each.key}\n    content hash {each.sha256}", markup=False)
    for check in (*verdict.failures, *verdict.warnings):
        _print_check(check)
    out.print(f"\nnext: {superseded_by(mart)}", markup=False)
    return DONE
