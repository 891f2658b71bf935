"""The output of reading commands for a few dates: two good ones, a corrupt one between them, and a late one."""

from datetime import UTC, datetime, timedelta

import pytest

from settlement_platform_tests.cli.command import MARTS, NAME, RFC3339_UTC, Finished, Shell, times_in

GOOD, CORRUPT, LATE = ("2026-01-01", "2026-01-03"), "2026-01-02", "2026-01-04"
PARTITION_FIELDS = {
    "business_date",
    "state",
    "pending",
    "generation",
    "rows",
    "content_hash",
    "sources",
    "reasons",
    "reason_codes",
    "run_id",
    "published_at",
    "older_contract",
}
STATUS_FIELDS = {
    "dataset",
    "watermark",
    "freshness_lag_seconds",
    "last_validation",
    "safe_to_read",
    "reasons",
    "owner",
    "next_step",
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A home whose four dates have been generated and materialized."""
    shell = Shell(home=tmp_path_factory.mktemp("reading"))
    generated = shell(
        "generate", "--days", "4", "--rows", "90", "--corrupt", f"{CORRUPT}:visa", "--late", LATE, "--json"
    )
    assert generated.code == 0, generated.err
    assert set(generated.json) == {"landing", "files", "rows", "bytes"}
    assert generated.json["files"] == 11
    return shell


@pytest.fixture(scope="module")
def materialized(shell: Shell) -> Finished:
    """The command that took the dates through Dagster."""
    return shell.materialize("2026-01-01", LATE, "--json", "--reason", "first delivery", "--actor", "ines")


def test_materialize_says_what_became_of_each_date_and_exits_3(shell: Shell, materialized: Finished) -> None:
    """Good dates and their marts are published; the others are named with every reason."""
    runs = {run["dataset"]: run for run in materialized.json["runs"]}
    outcomes = {d["business_date"]: d["outcome"] for d in runs[NAME]["dates"]}
    reasons = {d["business_date"]: " ".join(d["reasons"]) for d in runs[NAME]["dates"]}

    assert materialized.code == 3
    assert materialized.json["complete"] is False
    assert outcomes == {GOOD[0]: "publish", CORRUPT: "refuse", GOOD[1]: "publish", LATE: "wait"}
    assert f"{CORRUPT}/visa/cards.csv" in reasons[CORRUPT]
    assert "mastercard" in reasons[LATE]
    for mart in MARTS:
        built = {
            d["business_date"] for run in materialized.json["runs"] if run["dataset"] == mart for d in run["dates"]
        }
        assert built == set(GOOD)


def test_partitions_list_every_date_of_the_range(shell: Shell, materialized: Finished) -> None:
    """One item a calendar day, whether anything came or not, with exactly the promised fields."""
    finished = shell("partitions", NAME, "--from", "2026-01-01", "--to", "2026-01-06", "--json")
    items = {item["business_date"]: item for item in finished.json["partitions"]}
    good, corrupt, late, empty = items[GOOD[0]], items[CORRUPT], items[LATE], items["2026-01-06"]

    assert finished.code == 0
    assert list(items) == [f"2026-01-0{n}" for n in range(1, 7)]
    assert all(set(item) == PARTITION_FIELDS for item in items.values())
    assert [item["state"] for item in items.values()] == [
        "final",
        "quarantined",
        "final",
        "late",
        "late",
        "late",
    ]
    assert (good["pending"], good["generation"], good["rows"]) == (None, 1, 90)
    assert [set(s) for s in good["sources"]] == [{"source", "key", "sha256", "bytes", "rows"}] * 3
    assert sum(s["rows"] for s in good["sources"]) == 90
    assert good["run_id"] == materialized.json["runs"][0]["run_id"]
    assert corrupt["pending"]["state"] == "quarantined"
    assert set(corrupt["pending"]) == {"state", "content_hash", "reasons", "reason_codes"}
    assert corrupt["generation"] is corrupt["published_at"] is None
    assert any("mastercard" in reason for reason in late["reasons"])
    assert (empty["content_hash"], empty["sources"]) == (None, [])
    assert all(isinstance(item["reasons"], list) for item in items.values())


def test_status_says_that_old_data_is_not_safe_to_read_and_exits_3(shell: Shell, materialized: Finished) -> None:
    """Every dataset and mart is listed; with a name, it alone is."""
    every, one = shell("status", "--json"), shell("status", NAME, "--json")
    (found,) = one.json["datasets"]

    assert every.code == one.code == 3
    assert [d["dataset"] for d in every.json["datasets"]] == [NAME, *MARTS]
    assert all(set(d) >= STATUS_FIELDS for d in every.json["datasets"])
    assert found["watermark"] == GOOD[0]
    assert found["safe_to_read"] is False
    assert found["freshness_lag_seconds"] > 86400
    assert found["last_validation"]["passed"] in (True, False)
    assert found["owner"]
    assert "quarantine show" in found["next_step"]
    quarantined = [c for c in found["reason_codes"] if c["code"] == "date_state"]
    assert {c["parameters"]["state"] for c in quarantined} >= {"quarantined"}


def test_explain_prints_what_publishing_would_decide(shell: Shell, materialized: Finished) -> None:
    """Of a refused date every failed check is a reason; of a published one nothing is left to do."""
    refused = shell("explain", NAME, CORRUPT, "--json").json
    published = shell("explain", NAME, GOOD[0], "--json").json
    before = shell("explain", NAME, GOOD[0], "--at", "2026-01-01T00:00:00Z", "--json").json

    failed = {c["name"] for c in refused["checks"] if not c["passed"] and c["severity"] == "error"}
    assert refused["decision"] == "refuse"
    assert {each["parameters"]["check"] for each in refused["decision_reason_codes"]} == failed
    assert published["decision"] == "already_published"
    assert before["decision"] == "wait"
    assert before["generation"] is None
    assert any("had not arrived" in reason for reason in before["decision_reasons"])


def test_quarantine_shows_the_evidence_on_a_held_date(shell: Shell, materialized: Finished) -> None:
    """The files with their checksums, and the lines that broke a rule; a date that is not held is wrong usage."""
    listed = shell("quarantine", "list", "--json")
    shown = shell("quarantine", "show", NAME, CORRUPT, "--json")
    not_held = shell("quarantine", "show", NAME, GOOD[0], "--json")

    failed = [c for c in shown.json["checks"] if not c["passed"] and c["severity"] == "error"]
    assert listed.code == shown.code == 0
    assert [q["business_date"] for q in listed.json["quarantined"]] == [CORRUPT]
    assert {i["source"] for i in shown.json["inputs"]} == {"visa", "mastercard", "amex"}
    assert all(len(i["sha256"]) == 64 for i in shown.json["inputs"])
    assert failed[0]["samples"][0]["key"] == f"{CORRUPT}/visa/cards.csv"
    assert failed[0]["samples"][0]["line"] > 1
    assert (not_held.code, not_held.out) == (2, "")
    assert "is not in quarantine" in not_held.err


def test_times_are_rfc_3339_in_utc(shell: Shell, materialized: Finished) -> None:
    """In every document that has any."""
    documents = [
        shell("partitions", NAME, "--to", LATE, "--json").json,
        shell("status", "--json").json,
        shell("quarantine", "show", NAME, CORRUPT, "--json").json,
        {"published_at": shell.rows_of("SELECT published_at FROM published.publications LIMIT 1")[0][0]},
    ]

    found = [times_in(document) for document in documents]

    assert all(found)
    assert [time for times in found for time in times if not RFC3339_UTC.fullmatch(time)] == []


def test_people_get_the_same_in_words(shell: Shell, materialized: Finished) -> None:
    """Without --json the tables name the states, the reasons and the next step."""
    partitions = shell("partitions", NAME, "--to", LATE)
    status = shell("status", NAME)
    explained = shell("explain", NAME, CORRUPT)
    held = shell("quarantine", "show", NAME, CORRUPT)
    doctor = shell("doctor", "--json")

    assert (partitions.code, status.code, explained.code, held.code) == (0, 3, 0, 0)
    assert "quarantined" in partitions.out
    assert f"settlement quarantine show {NAME} {CORRUPT}" in status.out
    assert "decision: refuse" in explained.out
    assert f"{CORRUPT}/visa/cards.csv" in held.out
    assert doctor.code == 0
    assert doctor.json["well"] is True
    assert {f["subject"] for f in doctor.json["findings"]} >= {"SETTLEMENT_HOME", "DAGSTER_HOME", "lake", "ledger"}


def test_the_reason_and_the_actor_become_part_of_the_record(shell: Shell, materialized: Finished) -> None:
    """As given on the command line."""
    found = shell.rows_of("SELECT DISTINCT actor, reason FROM published.publications")

    assert found == [["ines", "first delivery"]]


def test_what_is_complete_and_on_time_is_safe_to_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Status exits 0, with a lag of 0; a second materialize says that all is published, and exits 0 too."""
    before, yesterday = ((datetime.now(UTC) - timedelta(days=n)).date().isoformat() for n in (2, 1))
    # Two dates, so that at any time of the day something was due already.
    shell = Shell(home=tmp_path_factory.mktemp("safe"), exported=(("SETTLEMENT_FIRST_DATE", before),))
    shell("generate", "--days", "2", "--rows", "30")

    first = shell.materialize(before, yesterday, "--json")
    again = shell.materialize(before, yesterday)
    status = shell("status", "--json")

    assert (first.code, again.code, status.code) == (0, 0, 0), first.err + again.err + status.err
    assert first.json["complete"] is True
    assert "2 of 2 published, 2 unchanged" in again.out
    assert {d["safe_to_read"] for d in status.json["datasets"]} == {True}
    assert {d["freshness_lag_seconds"] for d in status.json["datasets"]} == {0}
    assert {d["watermark"] for d in status.json["datasets"]} == {yesterday}
