"""Count how often `DomainRegistry.add` and a check cross from one file of the package to another.

Run it as `python benchmarks/calls_domains.py`. It counts consecutive Python calls in different files, after a warm-up.
"""

import sys
import tempfile
import threading
from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from types import FrameType

import linkwrap
from linkwrap.domains import (
    DnsResolverAnswer,
    Domain,
    DomainRegistry,
    Evidence,
    Hop,
    Probe,
    ServerAnswer,
    Trace,
)

PACKAGE = str(Path(linkwrap.__file__).parent)


async def stub(domain: Domain) -> Evidence:
    """Return the evidence that a domain works, without asking the network."""
    answer = ServerAnswer("ns1.acme.com", "192.0.2.1", "alias", ("spgo.io",), 300, "CNAME spgo.io (TTL 300)")
    return Evidence(
        cname=Trace((Hop(domain.host, "acme.com", (answer,), 0),), "spgo.io"),
        ownership_verified=True,
        dns_resolvers=(DnsResolverAnswer("192.0.2.53", True, True, "leads to spgo.io"),),
        http=Probe("http", "confirmed", "the redirect server answers", "192.0.2.80"),
        https=Probe("https", "confirmed", "the redirect server answers", "192.0.2.80"),
    )


def calls(function: Callable[[], object]) -> list[str]:
    """Return the files of the calls within the package, in their order, of all threads."""
    seen: list[str] = []

    def profile(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            seen.append(frame.f_code.co_filename)

    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        function()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return seen


def add(registry: DomainRegistry) -> Callable[[], object]:
    """Return a call that adds a new host each time."""
    numbers = count()
    return lambda: registry.add(f"click{next(numbers)}.acme.com", account="acme")


def check(registry: DomainRegistry) -> Callable[[], object]:
    """Return a call that checks one host, whose state it changes the first time."""
    registry.add("check.acme.com", account="acme", ownership_trusted=True)
    return lambda: registry.check("check.acme.com")


def main() -> None:
    """Print the counts."""
    with (
        tempfile.TemporaryDirectory() as folder,
        DomainRegistry(f"sqlite:///{folder}/domains.db", check=stub) as registry,
    ):
        for name, function in (("registry.add", add(registry)), ("a stubbed check", check(registry))):
            function()
            seen = calls(function)
            switches = sum(a != b for a, b in pairwise(seen))
            print(f"{name}: {len(seen)} calls, {switches} file switches, {len(set(seen))} files")
            if "--trace" in sys.argv:
                previous = ""
                for file in seen:
                    if file != previous:
                        print("   ", Path(file).relative_to(PACKAGE))
                    previous = file


if __name__ == "__main__":
    main()
