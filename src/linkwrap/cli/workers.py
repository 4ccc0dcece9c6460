"""Tasks in processes of our own: as many at a time as asked for, and none left behind when this process ends.

A process that dies loses the one task that it had. After Ctrl-C each finishes the task that it has and gets no other.
Where this process is killed, its end of the pipe closes, which ends the others.
"""

import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Generic, Self, TypeVar, cast

Task = TypeVar("Task")
Result = TypeVar("Result")
Start = Callable[[], Callable[[Task], Result]]
Done = Callable[[int, Result | None], None]

# A forked process would share what threads of this one have locked.
_processes = get_context("spawn")


def run_in_processes(start: Start[Task, Result], tasks: Iterable[Task], jobs: int, done: Done[Result]) -> None:
    """Call `done` with the number of each task and its result, None where its process died.

    `start` is called once in each process, for the function that takes its tasks; it, the tasks and their results are
    pickled. What that function raises ends its process.
    """
    busy: dict[Connection, _Worker[Task, Result]] = {}

    def first_done() -> _Worker[Task, Result] | None:
        """Wait for a result; return the worker that it is from, None where that is no more."""
        connection = interrupts.wait(busy)
        worker = busy[connection]
        alive = worker.finish()
        del busy[connection]
        return worker if alive else None

    with _Interrupts() as interrupts, ExitStack() as workers:
        for number, task in enumerate(tasks):
            worker = first_done() if len(busy) >= jobs else None
            if worker is None:
                worker = _Worker(start, done, workers)
            busy[worker.connection] = worker
            worker.take(number, task)
        while busy:
            first_done()


class _Interrupts:
    """Ctrl-C ends waiting but nothing in between, where a result that has come in would be lost; twice, it ends all."""

    def __init__(self) -> None:
        self.waiting = self.came = self.installed = False

    def __enter__(self) -> Self:
        # Where a shell has it ignored, it stays so.
        self.installed = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self.installed:
            signal.signal(signal.SIGINT, self.handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.came and kind is None:
            raise KeyboardInterrupt

    def handle(self, *_: object) -> None:
        again, self.came = self.came, True
        if self.waiting or again:
            raise KeyboardInterrupt

    def wait(self, connections: Iterable[Connection]) -> Connection:
        """Return the first of the connections from which something can be read."""
        self.waiting = True
        try:
            if self.came:
                raise KeyboardInterrupt
            return cast("Connection", wait(list(connections))[0])
        finally:
            self.waiting = False


class _Worker(Generic[Task, Result]):
    """A process, and the task that it has."""

    def __init__(self, start: Start[Task, Result], done: Done[Result], workers: ExitStack) -> None:
        self.number: int | None = None
        self.done = done
        self.connection, theirs = _processes.Pipe()
        workers.callback(self.connection.close)
        self.process = _processes.Process(target=_work, args=(theirs, start))
        with theirs, _interrupts_held():
            self.process.start()
            workers.callback(self.stop)

    def take(self, number: int, task: Task) -> None:
        self.number = number
        with suppress(OSError):  # it died, which finish will find
            self.connection.send(task)

    def finish(self) -> bool:
        """Hand on the result of the task; return whether the process is still there."""
        try:
            result = self.connection.recv()
        except (EOFError, OSError):
            result = None
        if self.number is not None:
            self.done(self.number, result)
            self.number = None
        return result is not None

    def stop(self) -> None:
        """Wait for the task that it has, if any, and for the end of the process."""
        with suppress(OSError):
            self.connection.send(None)
        if self.number is not None:
            self.finish()
        self.connection.close()
        self.process.join()


def _work(connection: Connection, start: Start[Task, Result]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to every process
    work = start()
    with connection, suppress(EOFError, ConnectionError):
        while (task := connection.recv()) is not None:
            connection.send(work(task))


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back while a process starts, which inherits that; here it arrives afterwards."""
    if sys.platform == "win32":
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # the first start of this lets Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
