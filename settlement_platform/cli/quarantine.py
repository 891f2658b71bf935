"""`settlement quarantine list` and `show`: dates that are held back, and the evidence."""

from datetime import date
from typing import Any

from rich.text import Text

from settlement_platform.cli.failing import DONE, WrongUsage
from settlement_platform.cli.looks import look
from settlement_platform.cli.names import ALL, find, find_dataset
from settlement_platform.cli.next_steps import supersedes
from settlement_platform.cli.output import out, print_json, state_text, table
from settlement_platform.cli.stores import date_bounds, opened, refuse_unreadable
from settlement_platform.control.facts import Check
from settlement_platform.marts.mart import Mart
from settlement_platform.pipeline.mart_outlook import made_of
from settlement_platform.pipeline.outlook import Outlook
from settlement_platform.settings import load_settings


def run_list(name: str | None, *, json: bool) -> int:
    """List the held dates of one or all datasets and marts."""
    settings = load_settings()
    chosen = (find(name),) if name else ALL
    begin, end = date_bounds(settings, None, None)
    with opened(settings, reading=True) as platform:
        held = [(d.name, o) for d in chosen for o in look(platform, d, begin, end) if o.state.quarantined]
    if json:
        print_json({"quarantined": [_item(dataset, o) for dataset, o in held]})
        return DONE
    if not held:
        out.print("Nothing is in quarantine.")
        return DONE
    rows = [
        (dataset, str(o.business_date), state_text(o.state.state), Text("; ".join(o.decision.reasons)))
        for dataset, o in held
    ]
    out.print(table(("dataset", "business date", "readers see", "held because"), rows))
    return DONE


def _item(dataset: str, outlook: Outlook) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "business_date": outlook.business_date,
        "state": outlook.state.state,
        "content_hash": outlook.content_hash,
        "reasons": outlook.decision.reasons,
        "run_id": outlook.verdict.run_id if outlook.verdict else None,
        "held_since": outlook.verdict.decided_at if outlook.verdict else None,
    }


def run_show(name: str, day: date, *, json: bool) -> int:
    """Show the evidence on one held date."""
    refuse_unreadable(day)
    if isinstance(declared := find(name), Mart):
        return _show_mart(declared, day, json=json)
    dataset = find_dataset(name)
    with opened(load_settings(), reading=True) as platform:
        outlook = look(platform, dataset, day, day)[0]
        arrivals = {a.key: a for a in platform.ledger.arrivals(name, day, day)}
    if not outlook.state.quarantined or outlook.verdict is None:
        message = f"{name} {day} is not in quarantine; it is {outlook.state.state}."
        raise WrongUsage(message, remedy=f"settlement explain {name} {day} says more.")
    inputs = [
        {"source": a.source, "key": a.key, "sha256": a.sha256, "bytes": a.bytes, "arrived_at": a.observed_at}
        for a in arrivals.values()
        if outlook.inputs and a.key in {d.data.key for d in outlook.inputs.deliveries}
    ]
    if json:
        checks = [_check(c) for c in outlook.verdict.checks]
        print_json({**_item(name, outlook), "inputs": inputs, "checks": checks})
        return DONE
    out.print(Text.assemble(f"{name} {day}  held since {outlook.verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC"))
    out.print(
        table(
            ("source", "file", "bytes", "sha256"),
            [(i["source"], i["key"], i["bytes"], i["sha256"]) for i in inputs],
        )
    )
    for check in (*outlook.verdict.failures, *outlook.verdict.warnings):
        _print_check(check)
    out.print("\nnext: have the provider deliver a corrected file; it supersedes this one by itself", markup=False)
    return DONE


def _check(check: Check) -> dict[str, Any]:
    samples = [vars(sample) for sample in check.samples]
    return {**vars(check), "samples": samples}


def _print_check(check: Check) -> None:
    style = "bold red" if check.severity == "error" else "yellow"
    out.print()
    out.print(Text.assemble((check.name, style), f"  {check.message}"))
    if check.samples:
        rows = [(s.key, s.line, s.column, s.value) for s in check.samples]
        out.print(table(("file", "line", "column", "value"), rows))


def _show_mart(mart: Mart, day: date, *, json: bool) -> int:
    """The evidence on a held date of a mart: the generations of its inputs that it was built from, and its checks."""
    with opened(load_settings(), reading=True) as platform:
        outlook = look(platform, mart, day, day)[0]
        inputs = made_of(platform, mart, day)
    verdict = outlook.verdict
    if not outlook.state.quarantined or verdict is None:
        message = f"{mart.name} {day} is not in quarantine; it is {outlook.state.state}."
        raise WrongUsage(message, remedy=f"settlement explain {mart.name} {day} says more.")
    if json:
        of = [{"source": u.source, "key": u.key, "sha256": u.sha256, "bytes": u.bytes} for u in inputs]
        print_json({**_item(mart.name, outlook), "inputs": of, "checks": [_check(c) for c in verdict.checks]})
        return DONE
    out.print(f"{mart.name} {day}  held since {verdict.decided_at:%Y-%m-%d %H:%M:%S} UTC", markup=False)
    out.print(table(("input", "generation", "content hash"), [(u.source, u.key, u.sha256) for u in inputs]))
    for check in (*verdict.failures, *verdict.warnings):
        _print_check(check)
    out.print(f"\nnext: {supersedes(mart)} by itself", markup=False)
    return DONE
