"""`settlement backfill cancel`, `pause`, `resume` and `priority`: each is recorded first, then done."""

from settlement_platform.catalog import load_catalog
from settlement_platform.cli.backfill.launch import authorize_backfill, record_backfill_action
from settlement_platform.cli.backfill.status import missing_instance_error, open_existing_instance
from settlement_platform.cli.console.exit_codes import DONE
from settlement_platform.cli.console.output import err, out, print_json
from settlement_platform.cli.console.request import make_request
from settlement_platform.cli.console.stores import utc_now
from settlement_platform.control.facts import OperatorActionType
from settlement_platform.orchestration.queue import backfill_control
from settlement_platform.orchestration.queue.backfill_records import find_backfill
from settlement_platform.settings import load_settings

_CONFIRMATIONS = {
    "cancel": "is being canceled; what it has published stays",
    "pause": "is paused: started runs finish, and no more start until it is resumed",
    "resume": "is resumed",
    "priority": "has a new priority",
}


def run_control(action: str, backfill_id: str, *, reason: str, actor: str | None, json: bool, priority: int = 0) -> int:
    """Cancel, pause, resume or prioritize a backfill."""
    settings = load_settings()
    request = make_request(actor, reason)
    with open_existing_instance(settings) as instance:
        if instance is None:
            raise missing_instance_error(settings)
        found = find_backfill(instance, backfill_id)
        declared = [d for d in load_catalog().tables if d.name in found.targets]
        for each in declared:
            authorize_backfill(each, settings, request)
        backfill_control.require_possible(instance, action, backfill_id)
        detail = {"backfill": backfill_id} | ({"priority": priority} if action == "priority" else {})
        record_backfill_action(
            settings, OperatorActionType(f"backfill_{action}"), declared[0].name if declared else "", request, **detail
        )
        err.print(f"{action} backfill {backfill_id}, by {request.actor}: {reason}", markup=False, style="dim")
        if action == "cancel":
            backfill_control.cancel(instance, backfill_id)
        elif action == "pause":
            backfill_control.pause(instance, backfill_id, request)
        elif action == "resume":
            backfill_control.resume(instance, backfill_id, utc_now())
        else:
            backfill_control.prioritize(instance, backfill_id, priority)
    if json:
        print_json({"action": f"backfill_{action}", **detail, "actor": request.actor, "reason": reason})
    else:
        out.print(f"Backfill {backfill_id} {_CONFIRMATIONS[action]}.", markup=False)
    return DONE
