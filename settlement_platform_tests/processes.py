"""Child processes for tests: started afresh, killed without notice, and read for what they found."""

import multiprocessing
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any

from settlement_platform import cli

PATIENCE_SECONDS = 60.0

SPAWN = multiprocessing.get_context("spawn")
"""Processes that load everything themselves, for tests that measure their memory."""

FORKING = multiprocessing.get_context("forkserver")
"""Processes that do not pay for imports; nothing of the tests' own process is in them."""

# A process has one such server, which loads this list once, whoever uses it first: all that any test needs is here.
FORKING.set_forkserver_preload(
    [
        "settlement_platform.definitions",
        *(module.name for module in pkgutil.walk_packages(cli.__path__, f"{cli.__name__}.")),
        "settlement_platform_tests.cli.command",
        "settlement_platform_tests.scenarios.processes",
        "settlement_platform_tests.storage.lakes",
        "settlement_platform_tests.preloaded",
    ]
)


def run_all(
    function: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    context: multiprocessing.context.BaseContext = FORKING,
) -> list[Any]:
    """Call a function in one process per tuple of arguments, all at once; return their results, in order."""
    with ProcessPoolExecutor(len(arguments), mp_context=context) as pool:
        futures = [pool.submit(function, *each) for each in arguments]
        return [future.result(PATIENCE_SECONDS) for future in futures]


@contextmanager
def child(function: Callable[..., None], *arguments: Any) -> Iterator[tuple[ForkServerProcess, Connection]]:  # noqa: ANN401
    """Start a process that runs `function(connection, *arguments)`, and kill it at the end if it still lives."""
    here, there = FORKING.Pipe()
    process = FORKING.Process(target=function, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield process, here
    finally:
        process.kill()
        process.join()


def hear(connection: Connection) -> Any:  # noqa: ANN401 - whatever was sent
    """Return what a child says next; fail when it says nothing for long."""
    assert connection.poll(PATIENCE_SECONDS), "the child process did not answer in time"
    return connection.recv()
