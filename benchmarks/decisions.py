"""What is decided about each link of a corpus of mail, to compare two versions.

    PYTHONPATH=OLD/src python benchmarks/decisions.py CORPUS > before.jsonl
    PYTHONPATH=src python benchmarks/decisions.py CORPUS --before before.jsonl

The second call prints each link whose decision differs, once per file and value, and how many links are wrapped in
both. Only what both versions know is compared: the value, the destination and the reason.
"""

import argparse
import email
import email.policy
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from linkwrap import Link, LinkWrapper, SigningKeys

WRAPPER = LinkWrapper(SigningKeys(SigningKeys.generate()))


def bodies(corpus: Path) -> Iterator[tuple[str, str, bytes]]:
    """Yield the name, the content type and the bytes of each body."""
    for path in sorted(corpus.rglob("*")):
        name = path.relative_to(corpus).as_posix()
        if path.suffix in {".html", ".htm"}:
            yield name, "text/html", path.read_bytes()
        elif path.suffix == ".eml":
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.compat32)
            for number, part in enumerate(message.walk()):
                kind = part.get_content_type()
                content = part.get_payload(decode=True) if kind in ("text/html", "text/plain") else None
                if isinstance(content, bytes) and content:
                    yield f"{name}#{number}", kind, content


def decisions(corpus: Path) -> Iterator[tuple[str, int, Link]]:
    """Yield each link with the name of its body and its number there."""
    for name, kind, content in bodies(corpus):
        compile_body = WRAPPER.compile if kind == "text/html" else WRAPPER.compile_text
        for number, link in enumerate(compile_body(content).links):
            yield name, number, link


def main() -> None:
    """Print the decisions, or what differs from earlier ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--before", type=Path, help="what the other version printed")
    parser.add_argument("--one-time", action="store_true", help="print the destinations that are taken as one-time")
    arguments = parser.parse_args()
    found = list(decisions(arguments.corpus))
    if arguments.one_time:
        urls = Counter(link.url for _, _, link in found if link.one_time)
        print(*(f"{count:4} {url}" for url, count in sorted(urls.items(), key=str)), sep="\n")
        print(f"{urls.total()} of {len(found)} links", file=sys.stderr)
        return
    rows = [[name, number, link.href, link.url, link.reason] for name, number, link in found]
    if arguments.before is None:
        for row in rows:
            print(json.dumps(row))
        return
    before = [json.loads(line) for line in arguments.before.read_text(encoding="utf-8").splitlines()]
    old = {(name, href): reason for name, _, href, _, reason in before}
    changed = Counter((name, href, old.get((name, href), "not found"), reason) for name, _, href, _, reason in rows)
    differs = {key: count for key, count in changed.items() if key[2] != key[3]}
    for (name, href, was, now), count in differs.items():
        print(f"{count:4} {was or 'wrapped'} -> {now or 'wrapped'}: {href!r:.200}\n     {name}")
    wrapped = [sum(reason is None for *_, reason in side) for side in (before, rows)]
    print(f"links: {len(before)} before, {len(rows)} now; wrapped: {wrapped[0]} before, {wrapped[1]} now")


if __name__ == "__main__":
    main()
