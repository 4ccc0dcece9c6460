"""The scripts of `benchmarks/` start and come to their end, each with the quickest run that it has, without peers."""

import json
import os
import subprocess
import sys
from pathlib import Path

import linkwrap
from helpers.paths import ROOT, TESTS

SCRIPTS = ROOT / "benchmarks"
# Only how they are called, of those that need another program, or run bench.py many times.
RUNS = {
    "bench.py": ["--quick", "--only", "render"],
    "calls.py": [],
    "compare.py": ["--help"],
    "decisions.py": ["{corpus}"],
    "endpoint.py": ["--help"],
    "pixels.py": ["--help"],
    "recipients.py": ["--turns", "1", "--svg", "{corpus}/recipients.svg"],
    "server.py": ["--help"],
    "spam.py": ["--help"],
    "store.py": ["--help"],
    "token_size.py": [],
}
MAIL = b"""\
Content-Type: text/html; charset=utf-8

<body><a href="https://acme.com/sale">Sale</a> <a href="https://acme.com/%s">Shop</a></body>
""" % (b"x" * 60)
# All in one process, as most of their time is that of their imports.
RUN_ALL = """
import json, runpy, sys
for script, arguments in json.loads(sys.argv[1]):
    print("run", script, flush=True)
    sys.argv = [script, *arguments]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        assert not end.code, end.code
print("run entry_points.py")
from entry_points import ENTRY_POINTS, measure
for name in ENTRY_POINTS:
    print(next(measure(name, 50, hurry=True)))
"""


def test_scripts_run(tmp_path: Path) -> None:
    """Each prints figures of a corpus of one mail, or how it is called; an input of each entry point is measured."""
    (tmp_path / "mail.eml").write_bytes(MAIL)
    runs = [(str(SCRIPTS / name), [text.format(corpus=tmp_path) for text in given]) for name, given in RUNS.items()]
    # Where the tests run against a built wheel, the source is not beside them.
    paths = [str(Path(linkwrap.__file__).parents[1]), str(TESTS), str(SCRIPTS)]
    environment = os.environ | {"LINKWRAP_CORPUS": str(tmp_path), "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", RUN_ALL, json.dumps(runs)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    outputs = done.stdout.split("run " + str(SCRIPTS) + os.sep)
    assert [output.partition("\n")[0] for output in outputs[1:]] == list(RUNS)
    assert all(output.partition("\n")[2].strip() for output in outputs[1:])
    assert done.stdout.count("Figure(") >= 12


def test_every_script_is_run() -> None:
    """A new script is named above."""
    scripts = {path.name for path in SCRIPTS.glob("*.py") if "__main__" in path.read_text(encoding="utf-8")}
    assert scripts == RUNS.keys()
