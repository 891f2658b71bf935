"""The GraphQL interface of Dagster, used as its web UI uses it for a click."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import requests

LOCATION = "query { workspaceOrError { ... on Workspace { locationEntries { name loadStatus } } } }"
DAEMONS = "query { instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }"
BACKFILL = """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
RUN = """mutation($p: ExecutionParams!) { launchRun(executionParams: $p) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
AUTOMATION = """query($r: RepositorySelector!) {
    sensorsOrError(repositorySelector: $r) { ... on Sensors { results { name sensorState { id status } } } }
    schedulesOrError(repositorySelector: $r) { ... on Schedules { results { name scheduleState { id status } } } } }"""
STOP_SENSOR = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
STOP_SCHEDULE = "mutation($id: String!) { stopRunningSchedule(id: $id) { __typename } }"

Variables = Mapping[str, Any]


class DagsterHttp:
    """One code location of a running web server."""

    def __init__(self, url: str, location: str) -> None:
        self._url = url
        self._repository = {"repositoryName": "__repository__", "repositoryLocationName": location}

    def ready(self) -> bool:
        """Return whether the code location is loaded and every needed daemon has shown a heartbeat."""
        entries = self._query(LOCATION, {})["workspaceOrError"]["locationEntries"]
        daemons = self._query(DAEMONS, {})["instance"]["daemonHealth"]["allDaemonStatuses"]
        loaded = [entry["loadStatus"] for entry in entries] == ["LOADED"]
        return loaded and all(daemon["healthy"] for daemon in daemons if daemon["required"])

    def automation_is_stopped(self) -> bool:
        """Stop running sensors and schedules; return whether none runs.

        Refusals are ignored, because the daemon may be writing the same state; so call this again until it is true.
        """
        found = self._query(AUTOMATION, {"r": self._repository})
        sensors = [each["sensorState"] for each in found["sensorsOrError"]["results"]]
        schedules = [each["scheduleState"] for each in found["schedulesOrError"]["results"]]
        running = 0
        for states, stop in ((sensors, STOP_SENSOR), (schedules, STOP_SCHEDULE)):
            for state in states:
                if state["status"] != "STOPPED":
                    self._query(stop, {"id": state["id"]})
                    running += 1
        return not running

    def backfill(self, assets: Sequence[Sequence[str]], days: Sequence[date]) -> None:
        """Launch a backfill of assets, with default tags unless others are given."""
        chosen = [{"path": list(path)} for path in assets]
        given = {"assetSelection": chosen, "partitionNames": [d.isoformat() for d in days], "title": "benchmark"}
        self._expect(BACKFILL, {"p": given}, "LaunchBackfillSuccess")

    def run(self, assets: Sequence[Sequence[str]], day: date, tags: Mapping[str, str]) -> None:
        """Launch one run of assets for a date."""
        selector = {"jobName": "__ASSET_JOB", "assetSelection": [{"path": list(path)} for path in assets]}
        all_tags = {"dagster/partition": day.isoformat(), **tags}
        given = {
            "selector": {**selector, **self._repository},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in all_tags.items()]},
        }
        self._expect(RUN, {"p": given}, "LaunchRunSuccess")

    def _expect(self, query: str, variables: Variables, kind: str) -> None:
        answer = next(iter(self._query(query, variables).values()))
        if answer["__typename"] != kind:
            raise RuntimeError(f"Dagster refused: {answer}")

    def _query(self, query: str, variables: Variables) -> dict[str, Any]:
        payload = {"query": query, "variables": variables}
        answer = requests.post(f"{self._url}/graphql", json=payload, timeout=120).json()
        if answer.get("errors"):
            raise RuntimeError(f"Dagster's GraphQL: {answer['errors']}")
        return answer["data"]
