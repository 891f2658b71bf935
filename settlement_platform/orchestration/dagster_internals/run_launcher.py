"""The run launcher that `dagster.yaml` names: each run is a process of its own that outlives its starter.

Dagster's own launcher starts runs inside the code server. When that dies, nothing can tell whether its runs are alive,
and they occupy their slots for ever. A process of its own can be checked.
"""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Thread, Timer
from typing import TYPE_CHECKING, Any, Self

import dagster as dg

# The base of every launcher, and the arguments and results of its methods.
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
"""How long a process may take to stop; `dagster.yaml` counts its run as canceled after 60 s."""

LOG_TAIL = 2_000
"""How many bytes from the end of a worker's output are shown when it died."""


class ProcessRunLauncher(RunLauncher[Any], ConfigurableClass):
    """Start, find and stop the process of a run, on this machine.

    The output of a process goes to `workers/<run id>.log` beneath DAGSTER_HOME; the file of a run that succeeded is
    removed.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Return the launcher's configuration in `dagster.yaml`."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return the configuration schema: none."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Make the launcher that `dagster.yaml` names."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start the process of a run; this needs no code server."""
        run = context.dagster_run
        urgent = run.tags.get(CLASS_TAG, ServiceClass.FRESH) in URGENT_CLASSES
        child = run_processes.start_process(self._command(run), log=self._log(run.run_id), urgent=urgent)
        Thread(target=self._await_end, args=(child, run.run_id), name=f"worker-{child.pid}", daemon=True).start()
        try:
            # If this process dies before the next line, the worker is found by its command line.
            self._instance.add_run_tags(run.run_id, {WORKER_TAG: run_processes.process_name(child.pid)})
            message = f"Started process {child.pid} for the run; its output goes to {self._log(run.run_id)}"
            self._instance.report_engine_event(message, run, cls=self.__class__)
        except BaseException:
            # The queue counts the run as not started.
            child.kill()
            raise

    def terminate(self, run_id: str) -> bool:
        """Tell the process of a run to stop; return whether the run had a process."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        worker = self._process_of(run)
        if worker is None:
            self._instance.report_run_canceled(run, message="No process was executing the run.")
            return False
        worker.terminate()
        insistence = Timer(STOP_TIMEOUT_SECONDS, _kill, (worker,))
        insistence.daemon = True
        insistence.start()
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Return that the health of a worker can be checked."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return whether the process of a run is alive; only processes on this machine count."""
        name = run.tags.get(WORKER_TAG, "no recorded process")
        if self._process_of(run):
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=name)
        if CLASS_TAG not in run.tags:
            # Dagster's own commands execute runs in their own process, which is not recorded.
            return CheckRunHealthResult(
                WorkerStatus.RUNNING, msg="The run was not submitted to the queue; its process is unknown."
            )
        return CheckRunHealthResult(
            WorkerStatus.FAILED, msg=f"The run's process, {name}, is not alive.", run_worker_id=name
        )

    def get_run_worker_debug_info(
        self,
        run: dg.DagsterRun,
        include_container_logs: bool | None = True,  # noqa: FBT001, FBT002 - Dagster's signature
    ) -> str | None:
        """Return the end of the output of a run's process; None where there is none."""
        del include_container_logs
        log = self._log(run.run_id)
        if not log.exists():
            return None
        return f"The end of {log}:\n{log.read_bytes()[-LOG_TAIL:].decode(errors='replace')}"

    def _command(self, run: dg.DagsterRun) -> list[str]:
        if run.job_code_origin is None:
            message = f"Run {run.run_id} has no code origin."
            raise dg.DagsterInvariantViolationError(message)
        arguments = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=with_pooled_connections(self._instance.get_ref()),
            set_exit_code_on_failure=True,
        )
        # Dagster's own form expects `dagster` on the PATH, where an environment's folder may be missing.
        python = run.job_code_origin.repository_origin.executable_path
        return [python, "-m", "dagster", "api", "execute_run", dg.serialize_value(arguments)]

    def _process_of(self, run: dg.DagsterRun) -> Process | None:
        return run_processes.find_process(run.run_id, run.tags.get(WORKER_TAG))

    def _log(self, run_id: str) -> Path:
        return Path(self._instance.root_directory) / LOG_FOLDER / f"{run_id}.log"

    def _await_end(self, child: "subprocess.Popen[bytes]", run_id: str) -> None:
        """Wait for a process, which would otherwise remain a zombie, and end its run if it did not do so itself.

        Run monitoring does the same some seconds later for processes that an earlier daemon started.
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
    """Kill a process that did not stop in time, since its slots go to other runs.

    This does not wait for its end: the first to wait takes the exit code, which the starter needs.
    """
    with suppress(NoSuchProcess):
        worker.kill()
