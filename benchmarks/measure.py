"""The clock and the scales: best times of calls that take turns, and the peak of the memory that a call asks for."""

import gc
import math
import os
import platform
import resource
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

Call = Callable[[], object]


def best_times(
    calls: Sequence[Call],
    *,
    turns: int,
    clock: Callable[[], float] = time.perf_counter,
    before: Callable[[], object] | None = None,
    twice: bool = False,
) -> list[float]:
    """Return the best time of each call in seconds; they take turns, so that noise of the machine hits all alike.

    Args:
        calls: The calls.
        turns: How often each is timed.
        clock: `time.process_time` leaves out what other processes take, but is too slow for calls of microseconds.
        before: Called before each of them, outside the clock.
        twice: Whether each is called once more before it is timed, so that it finds its own code and data in the
            processor's caches, and not those of the other calls.
    """
    best = [math.inf] * len(calls)
    for _ in range(turns):
        for number, call in enumerate(calls):
            if twice:
                call()
            if before is not None:
                before()
            start = clock()
            call()
            best[number] = min(best[number], clock() - start)
    return best


def geometric_mean(ratios: Iterable[float]) -> float:
    """Return the geometric mean of positive numbers."""
    logarithms = [math.log(ratio) for ratio in ratios]
    return math.exp(sum(logarithms) / len(logarithms))


def peak_memory(call: Callable[[], str | bytes]) -> tuple[int, int]:
    """Return the bytes that Python allocates at most during a call, its result included, and the size of the result."""
    call()  # what is made once only, such as compiled patterns, is not the document's
    gc.collect()
    tracemalloc.start()
    try:
        result = call()
        return tracemalloc.get_traced_memory()[1], sys.getsizeof(result)
    finally:
        tracemalloc.stop()


def python_run(code: str, bytecode: str) -> Call:
    """Return a call that runs `code` in a Python of its own, whose compiled modules are in the folder `bytecode`."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", code]
    return lambda: subprocess.run(command, check=True, env=environment)


def children_time() -> float:
    """Return the processor time in seconds that processes started from here have taken: a clock for `python_run`."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine() -> str:
    """Return what this runs on: processor, cores, Python and the libraries that are measured."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    packages = ", ".join(f"{name} {version(name)}" for name in ("lxml", "ada-url", "itsdangerous", "beautifulsoup4"))
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{len(models) or 'unknown number of'} cores, {processor}, {platform.system()}, {python}, {packages}"
