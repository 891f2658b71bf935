"""The run launcher that `dagster.yaml` names: each run is a process of its own that outlives whoever started it.

Dagster's own launcher starts runs inside the code server. When that dies, nobody can say whether its runs live, and
they hold their places in the queue for ever. A process of its own can be asked.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any, Self

import dagster as dg

# The base of every launcher, and what its methods take and answer.
# Replaced by public names: dagster-k8s, dagster-docker and dagster-aws build their launchers on the same ones.
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus

# The argument of `dagster api execute_run`. Replaced by a public command that executes a run by its id.
from dagster._grpc.types import ExecuteRunArgs
from psutil import NoSuchProcess, Process

from settlement_platform.control.queue.service_classes import ServiceClass
from settlement_platform.orchestration.dagster_internals import run_processes
from settlement_platform.orchestration.dagster_internals.event_log import with_pooled_connections
from settlement_platform.orchestration.dagster_internals.instance_config import ConfigurableClass, ConfigurableClassData
from settlement_platform.orchestration.tags import CLASS_TAG, WORKER_TAG

if TYPE_CHECKING:
    import subprocess


URGENT_CLASSES = frozenset({ServiceClass.FRESH, ServiceClass.CORRECTION})


LOG_FOLDER = "workers"


STOP_TIMEOUT_SECONDS = 45.0
"""How long a process that was asked to stop may take; `dagster.yaml` counts its run as canceled after 60 seconds."""


LOG_TAIL = 2_000
"""How many of the last bytes of a worker's output are shown when it died."""


class ProcessRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Start, find and stop the process of a run, on this machine.

    What a process prints goes to `workers/<run id>.log` beneath DAGSTER_HOME; the file of a run that succeeded is
    removed.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """What `dagster.yaml` says of it."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """There is nothing to configure."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Make the launcher that `dagster.yaml` names."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the process of a run; neither a code server nor its answer is needed."""
        run = context.dagster_run
        urgent = run.tags.get(CLASS_TAG, ServiceClass.FRESH) in URGENT_CLASSES
        child = run_processes.start_process(self._command(run), log=self._log(run.run_id), urgent=urgent)
        Thread(target=self._await_end, args=(child, run.run_id), name=f"worker-{child.pid}", daemon=True).start()
        try:
            # Should this process die before the next line, the worker is found by its command line.
            self._instance.add_run_tags(run.run_id, {WORKER_TAG: run_processes.process_name(child.pid)})
            message = f"Started process {child.pid} for the run; what it prints goes to {self._log(run.run_id)}"
            self._instance.report_engine_event(message, run, cls=self.__class__)
        except BaseException:
            # The queue takes the run for one that was not started.
            child.kill()
            raise

    def terminate(self, run_id: str) -> bool:
        """Ask the process of a run to stop; False when there is nothing to stop."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        worker = self._process_of(run)
        if worker is None:
            self._instance.report_run_canceled(run, message="No process was at work on the run.")
            return False
        worker.terminate()
        insistence = Timer(STOP_TIMEOUT_SECONDS, _kill, (worker,))
        insistence.daemon = True
        insistence.start()
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """A process can be asked whether it lives."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the process of a run lives; every process that counts is on this machine."""
        name = run.tags.get(WORKER_TAG, "no process that is on record")
        if self._process_of(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=name)
        if CLASS_TAG not in run.tags:
            # Dagster's own commands execute runs in their own process, and nobody has written down which.
            return CheckRunHealthResult(WorkerStatus.RUNNING, msg="The run was not submitted: nothing is known of it.")
        return CheckRunHealthResult(
            WorkerStatus.FAILED, msg=f"The run's process, {name}, does not live.", run_worker_id=name
        )

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,  # noqa: FBT001, FBT002 - Dagster's signature
    ) -> str | None:
        """The end of what the process of a run printed."""
        del include_container_logs
        log = self._log(run.run_id)
        if not log.exists():
            return None
        return f"The end of {log}:\n{log.read_bytes()[-LOG_TAIL:].decode(errors='replace')}"

    def _command(self, run: dg.DagsterRun) -> list[str]:
        if run.job_code_origin is None:
            message = f"Run {run.run_id} does not say where its code is."
            raise dg.DagsterInvariantViolationError(message)
        arguments = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=with_pooled_connections(self._instance.get_ref()),
            set_exit_code_on_failure=True,
        )
        # Dagster's own form of it looks for `dagster` on the PATH, which an environment need not be on.
        python = run.job_code_origin.repository_origin.executable_path
        return [python, "-m", "dagster", "api", "execute_run", dg.serialize_value(arguments)]

    def _process_of(self, run: dg.DagsterRun) -> Process | None:
        return run_processes.find_process(run.run_id, run.tags.get(WORKER_TAG))

    def _log(self, run_id: str) -> Path:
        return Path(self._instance.root_directory) / LOG_FOLDER / f"{run_id}.log"

    def _await_end(self, child: "subprocess.Popen[bytes]", run_id: str) -> None:
        """Wait for a process to end, as it would stay as a zombie, and end the run of one that did not do that itself.

        Run monitoring does the same for runs of which an earlier daemon started the process, some seconds later.
        """
        code = child.wait()
        if code == 0:
            self._log(run_id).unlink(missing_ok=True)
            return
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return
        message = f"The run's process, {run_processes.process_name(child.pid)}, ended with code {code}."
        if run.status is dg.DagsterRunStatus.CANCELING:
            self._instance.report_run_canceled(run, message=message)
        else:
            self._instance.report_run_failed(run, message=message)


def _kill(worker: Process) -> None:
    """Kill a process that goes on after it was asked to stop: its slots are given to others.

    Nobody waits for its end here: whoever does that first takes the exit code, and that belongs to who started it.
    """
    with suppress(NoSuchProcess):
        worker.kill()
