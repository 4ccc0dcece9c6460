"""How far a reader has to walk: calls of one operation, switches between files, and the size of each package.

A call is a Python call into a file of the package; two that follow each other in different files are a switch. The
first run of an operation warms up and is not counted.
"""

import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count as numbers
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import linkwrap
from linkwrap import LinkWrapper, SigningKeys
from linkwrap.domains import DnsResolverAnswer, Domain, DomainRegistry, Evidence, Hop, Probe, ServerAnswer, Trace

ROOT = Path(linkwrap.__file__).parent
EXAMPLES = Path(__file__).parents[1] / "examples"

README = '<body><p>Hello! <a href="https://acme.com/sale?a=1&amp;b=2" data-msys-linkname="Sale">Shop now</a></p></body>'
THREE = "<body>" + "".join(f'<a href="https://acme.com/{number}">{number}</a>' for number in range(3)) + "</body>"
METADATA = {"message_id": "m-1", "rcpt": "r-42"}


class Count(NamedTuple):
    """The calls of one operation."""

    calls: int
    switches: int
    files: int


def count(function: Callable[[], object]) -> Count:
    """Count the second run of a function."""
    files: list[str] = []

    def record(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(ROOT)):
            files.append(frame.f_code.co_filename)

    function()
    threading.setprofile(record)  # a check writes in a thread
    sys.setprofile(record)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    switches = sum(before != after for before, after in pairwise(files))
    return Count(len(files), switches, len(set(files)))


async def works(domain: Domain) -> Evidence:
    """Return the evidence that a domain works, without asking the network."""
    answer = ServerAnswer("ns1.acme.com", "192.0.2.1", "alias", ("spgo.io",), 300, "CNAME spgo.io (TTL 300)")
    return Evidence(
        cname=Trace((Hop(domain.host, "acme.com", (answer,), 0),), "spgo.io"),
        ownership_verified=True,
        dns_resolvers=(DnsResolverAnswer("192.0.2.53", True, True, "leads to spgo.io"),),
        http=Probe("http", "confirmed", "the redirect server answers", "192.0.2.80"),
        https=Probe("https", "confirmed", "the redirect server answers", "192.0.2.80"),
    )


def operations(cleanup: ExitStack) -> dict[str, Callable[[], object]]:
    """Return the operations that are counted, by name; `cleanup` closes what they use."""
    wrapper = LinkWrapper(SigningKeys("a key that signs benchmarks only"), tracking_domain="click.acme.com")
    newsletter = (EXAMPLES / "newsletter.html").read_text(encoding="utf-8")
    template = wrapper.compile(README)
    folder = cleanup.enter_context(tempfile.TemporaryDirectory())
    registry = cleanup.enter_context(
        DomainRegistry(f"sqlite:///{folder}/domains.db", cname_target="spgo.io", check=works)
    )
    registry.add("check.acme.com", account="acme", ownership_trusted=True)
    hosts = (f"click{number}.acme.com" for number in numbers())
    return {
        "wrap, the README's document": lambda: wrapper.wrap(README, METADATA),
        "wrap, three links": lambda: wrapper.wrap(THREE, METADATA),
        "wrap, examples/newsletter.html": lambda: wrapper.wrap(newsletter, METADATA),
        "render, the README's document": lambda: wrapper.render(template, METADATA),
        "registry.add": lambda: registry.add(next(hosts), account="acme"),
        "registry.check, without a network": lambda: registry.check("check.acme.com"),
    }


def sizes() -> dict[str, Counter[str]]:
    """Return the modules and lines of each package, and of the longest module."""
    found: dict[str, Counter[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        package = path.parent.relative_to(ROOT.parent).as_posix()
        for name in (package, "all"):
            size = found.setdefault(name, Counter())
            size["modules"] += 1
            size["lines"] += lines
            size["longest"] = max(size["longest"], lines)
    return found


def main() -> None:
    """Print both tables."""
    print(f"{'calls':>6} {'switches':>9} {'files':>6}  operation")
    with ExitStack() as cleanup:
        for name, function in operations(cleanup).items():
            calls, switches, files = count(function)
            print(f"{calls:6} {switches:9} {files:6}  {name}")
    print(f"\n{'modules':>8} {'lines':>6} {'longest':>8}  package")
    for name, size in sizes().items():
        print(f"{size['modules']:8} {size['lines']:6} {size['longest']:8}  {name}")


if __name__ == "__main__":
    main()
