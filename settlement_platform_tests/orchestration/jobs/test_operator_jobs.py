"""The launchpad's jobs do what operators request, with typed configuration, and fail with a sentence."""

import re
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.snap.snap_to_yaml import default_values_yaml_from_type_snap

from settlement_platform.control.roles import ACTIONS
from settlement_platform.marts.merchant_daily_net import MERCHANT_DAILY_NET
from settlement_platform_tests.orchestration.dagster_home import NAME, PUBLISHED, STAGED, DagsterHome, day
from settlement_platform_tests.pipeline.operating import open_breaker
from settlement_platform_tests.shown_reasons import sentence_of, shows

DAY = day(0).isoformat()
MART = MERCHANT_DAILY_NET.name


def launch(home: DagsterHome, action: str, **config: Any) -> dg.ExecuteInProcessResult:  # noqa: ANN401 - any config
    """Launch a job as the launchpad does, on the real instance."""
    given = {"dataset": NAME, "reason": "the provider confirmed it", "actor": "ana"} | config
    return home.definitions.resolve_job_def(f"operator_{action}").execute_in_process(
        instance=home.instance,
        run_config={"ops": {f"carry_out_{action}": {"config": given}}},
        raise_on_error=False,
    )


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """The description that the step failed with."""
    (data,) = [e.step_failure_data.user_failure_data for e in result.all_events if e.is_step_failure]
    assert data is not None
    return str(data.description)


def recorded(home: DagsterHome) -> list[tuple[str, str, str]]:
    """Action, actor and reason of everything that operators did."""
    actions = home.without_dagster().platform.ledger.actions(NAME)
    return [(a.action, a.actor, a.reason) for a in actions]


def shown_in_the_launchpad(job: dg.JobDefinition) -> Any:  # noqa: ANN401 - YAML
    """The configuration that the launchpad opens a job with."""
    snapshot = job.get_job_snapshot()
    schema = snapshot.config_schema_snapshot
    root = schema.get_config_snap(snapshot.mode_def_snaps[0].root_config_key)
    return yaml.safe_load(default_values_yaml_from_type_snap(schema, root))


def test_every_action_has_a_job_that_says_what_it_does(home: DagsterHome) -> None:
    """All but running again, which is Dagster's own."""
    jobs = {f"operator_{action}" for action in ACTIONS} - {"operator_rerun"}

    found = {j.name: j for j in home.definitions.resolve_all_job_defs() if j.name.startswith("operator_")}

    assert set(found) == jobs
    assert all(j.description for j in found.values())


def test_a_date_goes_through_the_jobs_of_an_operator(home: DagsterHome) -> None:
    """Pause, resume, roll back and skip; each on record with who and why, and with its run."""
    home.deliver(day(0))
    home.run(day(0), keys=[STAGED, PUBLISHED])
    home.correct(day(0))
    paused = launch(home, "pause")
    held = home.run(day(0))
    resumed = launch(home, "resume")
    home.run(day(0))

    back = launch(home, "rollback", business_date=DAY, generation=1)
    skipped = launch(home, "skip", business_date=day(1).isoformat())

    states = home.query(
        f"SELECT business_date, state, run_id FROM lake.published.publications WHERE dataset = '{NAME}' ORDER BY ALL"
    )
    assert [r.success for r in (paused, resumed, back, skipped)] == [True] * 4
    assert shows(held.failure, "publishing_paused", actor="ana")
    assert sorted(s for _, s, _ in states) == ["final", "restated", "rolled_back", "skipped"]
    assert {run for _, state, run in states if state == "rolled_back"} == {back.run_id}
    assert recorded(home) == [
        (action, "ana", "the provider confirmed it") for action in ("pause", "resume", "rollback", "skip")
    ]
    assert home.metadata(PUBLISHED)["state"] == "skipped"


def test_what_is_held_is_discarded_or_released_by_a_job(home: DagsterHome) -> None:
    for number in (0, 1):
        home.deliver(day(number))
        control = home.landing / str(day(number)) / "visa" / "cards.control.json"
        control.write_text(control.read_text().replace('"rows": 3', '"rows": 4'))
    home.run(day(0), day(1))

    released = launch(home, "release", business_date=DAY, despite=["rows_as_declared"])
    discarded = launch(home, "discard", business_date=day(1).isoformat())

    assert (released.success, discarded.success) == (True, True)
    assert home.query(f"SELECT DISTINCT business_date FROM lake.published.{NAME}") == [(day(0),)]
    assert [action for action, _, _ in recorded(home)] == ["release", "discard"]


def test_a_breaker_is_reset_by_a_job(home: DagsterHome) -> None:
    """Its log names the breaker; one that is closed is refused."""
    for name in ("lake", NAME):
        open_breaker(home.without_dagster().platform, name)

    of_lake = launch(home, "reset_breaker", breaker="lake")
    of_dataset = launch(home, "reset_breaker")
    refused = launch(home, "reset_breaker", breaker="lake")

    logged = [e.user_message for e in home.instance.all_logs(of_lake.run_id)]
    assert (of_lake.success, of_dataset.success) == (True, True)
    assert "Recorded: reset_breaker lake by ana: the provider confirmed it" in logged
    assert shows(failure_of(refused), "breaker_is_closed", breaker="lake")
    actions = home.without_dagster().platform.ledger.actions(NAME)
    assert [a.detail["breaker"] for a in actions] == ["lake", NAME]


@pytest.mark.parametrize("named", [{"dataset": MART}, {"breaker": MART}])
def test_the_breaker_of_a_mart_is_reset_by_a_job(home: DagsterHome, named: dict[str, str]) -> None:
    """Under the mart's own roles, whichever field names it."""
    open_breaker(home.without_dagster().platform, MART)

    assert launch(home, "reset_breaker", **named).success

    (action,) = home.without_dagster().platform.ledger.actions(MART)
    assert (action.action, action.detail) == ("reset_breaker", {"breaker": MART})


@pytest.mark.parametrize(
    ("action", "config", "words"),
    [
        ("pause", {"dataset": "card_setlements"}, ("No dataset is called 'card_setlements'", NAME)),
        ("pause", {"reason": " "}, (sentence_of("note_missing") + " Say why",)),
        ("pause", {"actor": " "}, (sentence_of("actor_missing") + " Say who",)),
        ("pause", {"dataset": MART}, ("No dataset is called 'merchant_daily_net'", NAME)),
        ("reset_breaker", {"breaker": "lakes"}, ("No circuit breaker is called 'lakes'", "lake", MART)),
        ("skip", {"business_date": "01.02.2026"}, ("business_date is '01.02.2026', which is not a date", "2026-01-31")),
        ("rollback", {"business_date": DAY, "generation": 1}, (sentence_of("rollback_target_missing", wanted=1),)),
        ("approve", {"business_date": DAY}, (sentence_of("nothing_to_approve"),)),
        ("release", {"business_date": DAY, "despite": []}, (sentence_of("not_in_quarantine"),)),
    ],
)
def test_what_cannot_be_done_fails_once_with_a_sentence(
    home: DagsterHome, action: str, config: dict[str, Any], words: tuple[str, ...]
) -> None:
    """Not tried again, and without a trace in the ledger."""
    result = launch(home, action, **config)

    retries = [e for e in result.all_events if e.event_type_value == "STEP_UP_FOR_RETRY"]
    assert not result.success
    assert all(re.search(word, failure_of(result)) for word in words)
    assert (recorded(home), retries) == ([], [])


@pytest.mark.parametrize("left_out", ["reason", "actor", "dataset", "business_date"])
def test_the_launchpad_refuses_a_configuration_that_lacks_something(home: DagsterHome, left_out: str) -> None:
    """Before anything runs."""
    config = {"dataset": NAME, "reason": "why", "actor": "ana", "business_date": DAY}
    del config[left_out]

    with pytest.raises(dg.DagsterInvalidConfigError, match=left_out):
        home.definitions.resolve_job_def("operator_skip").execute_in_process(
            instance=home.instance, run_config={"ops": {"carry_out_skip": {"config": config}}}
        )


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"rerun"}))
def test_the_launchpad_opens_with_every_field_to_be_filled_in_and_refuses_it_as_it_stands(
    home: DagsterHome, action: str
) -> None:
    """Nobody has to know a field's name, and nothing is done by a click too early."""
    job = home.definitions.resolve_job_def(f"operator_{action}")

    shown = shown_in_the_launchpad(job)
    refused = job.execute_in_process(instance=home.instance, raise_on_error=False)

    fields = shown["ops"][f"carry_out_{action}"]["config"]
    assert set(fields) == set(job.get_node_named(f"carry_out_{action}").definition.config_schema.config_type.fields)
    assert fields["dataset"] == NAME
    assert refused.success is False
    assert recorded(home) == []


def test_a_job_says_in_its_log_what_it_put_on_record(home: DagsterHome) -> None:
    result = launch(home, "pause")

    logged = [e.user_message for e in home.instance.all_logs(result.run_id)]
    assert f"Recorded: pause {NAME} by ana: the provider confirmed it" in logged


def test_a_job_needs_the_role_too(tmp_path: Path) -> None:
    home = DagsterHome(tmp_path / "home", SETTLEMENT_ROLES="operator=ben")
    try:
        refused = launch(home, "pause")
        allowed = launch(home, "pause", actor="ben")
    finally:
        home.close()

    assert shows(failure_of(refused), "role_missing", role="operator", actor="ana")
    assert allowed.success
