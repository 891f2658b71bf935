"""Child processes for tests: started afresh, killed without notice, and asked for what they found."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

PATIENCE_SECONDS = 60.0
SPAWN = multiprocessing.get_context("spawn")


def run_all(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Call a function in one process per tuple of arguments, all at once; their results, in order."""
    with ProcessPoolExecutor(len(arguments), mp_context=SPAWN) as pool:
        futures = [pool.submit(function, *each) for each in arguments]
        return [future.result(PATIENCE_SECONDS) for future in futures]


@contextmanager
def child(function: Callable[..., None], *arguments: Any) -> Iterator[tuple[SpawnProcess, Connection]]:  # noqa: ANN401
    """A process that runs `function(connection, *arguments)`, killed at the end if it still lives."""
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=function, args=(there, *arguments), daemon=True)
    process.start()
    there.close()
    try:
        yield process, here
    finally:
        process.kill()
        process.join()


def hear(connection: Connection) -> Any:  # noqa: ANN401 - whatever was sent
    """What a child says next; fails when it says nothing for long."""
    assert connection.poll(PATIENCE_SECONDS), "the child process did not answer in time"
    return connection.recv()
