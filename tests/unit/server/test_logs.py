"""The log of the server: one line a record, and no wait for whoever reads it."""

import logging
import os
import re
import subprocess
import sys

from linkwrap.server.logs import Line

_CODE = """
import logging, os, sys, time
from linkwrap.server.logs import Line, StandardError
handler = StandardError()
handler.setFormatter(Line())
log = logging.getLogger("test")
log.addHandler(handler)
started = time.monotonic()
for number in range(5000):
    log.warning("a line: %d\\n%s", number, "x" * 100)
assert time.monotonic() - started < 30
os.write(1, b"done\\n")
sys.stdin.read()
logging.shutdown()
os._exit(0)
"""


def test_a_record_is_one_line() -> None:
    """In ASCII, with the time in UTC and the level; of an exception only the type, whose words may name a reader."""
    try:
        raise ValueError("rcpt=r-42")
    except ValueError:
        error = sys.exc_info()
    record = logging.LogRecord("linkwrap", logging.ERROR, __file__, 1, "a\nline of %s\x1b", ("Bücher",), error)
    line = Line().format(record)
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z error: a line of B\\xfccher\x1b \(ValueError\)", line)


def test_a_pipe_that_nobody_reads() -> None:
    """Whoever logs goes on; what waits is written once somebody reads, and the rest is left out."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", _CODE], env=environment, **streams) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        _, lines = process.communicate(timeout=60)
        assert process.returncode == 0
    found = [int(number) for number in re.findall(rb"warning: a line: ([0-9]+) x{100}\n", lines)]
    assert found == list(range(len(found)))
    assert 1000 <= len(found) < 5000
