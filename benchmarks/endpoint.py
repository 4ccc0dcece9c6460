"""What a click and a start cost: `respond` to one request, and a new Python up to its first wrapped document.

    python benchmarks/endpoint.py --other ../before     the same of another checkout, in turn, and the ratios

The other checkout may be older: only names that linkwrap has had since the beginning are used.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from measure import best_times, children_time, python_run

from linkwrap import LinkWrapper, Resolver, SigningKeys
from linkwrap.endpoint import respond

HOST = "click.acme.com"
LINKS = 20  # of one mail, as in a newsletter
RECIPIENTS = 50
REQUESTS = LINKS * RECIPIENTS
HTML = "<body>" + "".join(
    f'<a href="https://www.acme.com/products/offer-{number}?utm_source=news&amp;utm_medium=email&amp;utm_campaign=may"'
    f' data-msys-linkname="Offer {number}">Shop now</a>'
    for number in range(LINKS)
)
BROWSER = {
    "Host": HOST,
    "User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 "
    "Safari/537.36",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Accept-Language": "de-DE,de;q=0.9,en;q=0.8",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "cross-site",
    "Upgrade-Insecure-Requests": "1",
    "Referer": "https://mail.google.com/",
}
START = """
from linkwrap import LinkWrapper, SigningKeys
wrapper = LinkWrapper(SigningKeys("a key that signs benchmarks only"), tracking_domain="click.acme.com")
wrapper.wrap('<body><a href="https://acme.com/sale?a=1&amp;b=2">Shop now</a></body>', {"rcpt": "r-42"})
"""


def clicks() -> Callable[[], object]:
    """Return a call that answers `REQUESTS` clicks: of many recipients, on the links of one mail."""
    keys = SigningKeys("a key that signs benchmarks only")
    wrapper = LinkWrapper(keys, account_id="acme", tracking_domain=HOST)
    resolver = Resolver(keys)
    template = wrapper.compile(HTML)
    paths = []
    for number in range(RECIPIENTS):
        metadata = {"message_id": f"0192f7a4-5f2e-{number:04}", "rcpt": f"r-{number}", "campaign_id": "may-2026"}
        paths += [text.partition('"')[0] for text in wrapper.render(template, metadata).split(f"https://{HOST}")[1:]]
    paths = [path for path in paths if path.startswith("/f/")]
    assert len(paths) == REQUESTS
    addresses = cycle(f"203.0.113.{number}" for number in range(256))

    def answer() -> None:
        for path in paths:
            respond(resolver, method="GET", raw_path=path, host=HOST, headers=BROWSER, ip_address=next(addresses))

    answered = respond(resolver, method="GET", raw_path=paths[0], host=HOST, headers=BROWSER)
    assert answered.status == 302
    assert answered.event is not None
    return answer


def click_seconds(turns: int) -> float:
    """Return the processor time of one click."""
    return best_times([clicks()], turns=turns, clock=process_time)[0] / REQUESTS


def start_seconds(turns: int) -> tuple[float, float]:
    """Return the processor time of `import linkwrap`, and of a start, which is import, `LinkWrapper` and first `wrap`.

    Both are above that of a Python which does nothing, and from compiled modules.
    """
    with TemporaryDirectory() as bytecode:
        calls = [python_run(code, bytecode) for code in ("pass", "import linkwrap", START)]
        bare, imported, started = best_times(calls, turns=turns, clock=children_time)
    return imported - bare, started - bare


def main() -> None:
    """Measure this checkout, or that of the environment, and with `--other` both in turn."""
    arguments = argparse.ArgumentParser(description="What a click and a start cost.")
    arguments.add_argument("--other", type=Path, help="a checkout to compare with")
    arguments.add_argument("--pairs", type=int, default=8, help="how many turns; 8 unless said otherwise")
    options = arguments.parse_args()
    if options.other is None:
        print(*[f"{seconds * 1e6:.2f}" for seconds in (click_seconds(20), *start_seconds(4))])
        return
    best: dict[Path, list[float]] = {}
    for _ in range(options.pairs):
        for checkout in (options.other.resolve(), Path(__file__).resolve().parents[1]):
            environment = {**os.environ, "PYTHONPATH": str(checkout / "src")}
            command = [sys.executable, __file__]
            run = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
            figures = [float(figure) for figure in run.stdout.split()]
            best[checkout] = [min(pair) for pair in zip(best.get(checkout, figures), figures, strict=True)]
    for name, before, after in zip(("a click", "import", "a start"), *best.values(), strict=True):
        print(f"{name:8} {before:9.1f} µs before, {after:9.1f} µs now, ratio {after / before:.2f}")


if __name__ == "__main__":
    main()
