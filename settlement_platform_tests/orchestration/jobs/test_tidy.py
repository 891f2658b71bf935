"""Tidying runs every day off-peak, in the lowest class, and its run shows what it did."""

from datetime import UTC, datetime

import dagster as dg

from settlement_platform.definitions import platform_resource
from settlement_platform_tests.orchestration.dagster_home import PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.shown_reasons import shows

MAINTENANCE = {"settlement/maintenance": "true"}


def test_the_job_is_of_the_lowest_class_and_its_schedule_runs_off_peak_from_the_start(home: DagsterHome) -> None:
    """After the target of 06:00 UTC, before the evening's deliveries; it needs nobody to switch it on."""
    repository = home.definitions.get_repository_def()
    schedule = repository.get_schedule_def("tidy")

    with dg.build_schedule_context(
        scheduled_execution_time=datetime(2026, 3, 1, 12, 30, tzinfo=UTC),
        repository_def=repository,
        resources={"platform": platform_resource(home.settings)},
    ) as context:
        (request,) = schedule.evaluate_tick(context).run_requests

    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 12 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert request.run_key == "2026-03-01"
    assert MAINTENANCE.items() <= request.tags.items()
    assert MAINTENANCE.items() <= repository.get_job("tidy").tags.items()


def test_the_job_tidies_and_shows_what_it_did(home: DagsterHome) -> None:
    """Actor, reason and run are on record."""
    home.deliver(day(0))
    home.run(day(0), keys=[STAGED, PUBLISHED])

    result = home.definitions.resolve_job_def("tidy").execute_in_process(instance=home.instance)

    (output,) = [e.step_output_data for e in result.all_events if e.is_successful_output]
    steps = [record.data["step"] for record in output.metadata["done"].records]
    actions = home.without_dagster().platform.ledger.actions("lake")
    assert result.success
    assert steps[:4] == ["remove", "orphans", "staged", "expire"]
    assert output.metadata["gave_way"].value == 0
    assert [(a.action, a.actor, a.detail["run_id"]) for a in actions] == [
        ("tidy", "schedule", result.run_id),
        ("tidied", "schedule", result.run_id),
    ]


def test_a_second_tidying_fails_once_with_a_sentence(home: DagsterHome) -> None:
    with home.without_dagster().platform.locks.hold("tidy", timeout_seconds=0):
        result = home.definitions.resolve_job_def("tidy").execute_in_process(
            instance=home.instance, raise_on_error=False
        )

    (failed,) = [e.step_failure_data.user_failure_data for e in result.all_events if e.is_step_failure]
    assert failed is not None
    assert shows(str(failed.description), "tidying_running")
