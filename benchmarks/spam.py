"""SpamAssassin's scores of real mail before and after wrapping, and the rules that newly fire.

`python benchmarks/spam.py` takes the .eml files of the corpus (`LINKWRAP_CORPUS`) and the program of Debian's package
`spamassassin`, without network, Bayes or other memory. Links, text and pixel are wrapped apart. Signatures of transport
(DKIM, ARC, DomainKeys) are removed first, before wrapping too: linkwrap keeps signed mail as it is. Rules look at
tokens, which differ from key to key, so each message is wrapped with several keys.

`+` is a rule that newly fires, `-` one that does not fire any more, `~` one that moves to another step of its kind:
HTML_IMAGE_ONLY_04 to _32 are one rule by the size of the HTML (400 to 3,200 bytes), for mail with at least one picture.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from documents import CORPUS

from linkwrap import LinkPolicy, LinkWrapper, SigningKeys
from linkwrap.link import Link

HOST = "click.acme.com"
METADATA = {"message_id": "m-0123456789", "rcpt": "r-0123456789"}
SENT_AT = datetime(2026, 11, 2, 8, 30, tzinfo=UTC)
BATCH = 100
TIMEOUT = 300

SETTINGS = (
    "report_safe 0",
    "fold_headers 0",
    "use_bayes 0",
    "use_auto_welcomelist 0",
    "dns_available no",
    "add_header all Rules _TESTSSCORES(,)_",
)
NUMBER = "X-Bench-Number"
RULES_LINE = re.compile(rf"^X-Spam-Rules: *(.*)\n(?:.+\n)*?{NUMBER}: (\d+)$", re.MULTILINE)
SIGNATURES = re.compile(
    rb"^(?:dkim-signature|domainkey-signature|arc-[a-z-]+)[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*",
    re.IGNORECASE | re.MULTILINE,
)
STEP = re.compile(r"_\d+\Z")
FROM_LINE = re.compile(rb"(?:From [^\n]*\n)?")
HEADER = re.compile(rb"(?:[^\r\n][^\n]*\n)*")

Rules = dict[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The changes that one way of wrapping makes to the rules of one message, over all keys."""

    change: float
    """Of the score; of several keys the worst."""
    fired: Rules
    """The rules that newly fire, with any key, and their scores."""
    gone: Rules
    """The rules that do not fire any more, with any key."""
    moved: Rules
    """The steps of a rule that fire in place of others, and the change of their score."""


def text_only(link: Link) -> str | None:
    """Leave the links of HTML alone."""
    return link.url if link.element == "" else None


def wrapped(raw: bytes, key: int) -> dict[str, bytes]:
    """Return a message wrapped in each way."""
    keys = SigningKeys(f"key number {key} of this measurement")
    make = partial(LinkWrapper, keys, account_id="acme", tracking_domain=HOST, open_tracking=False)
    of_text = LinkPolicy(destination=text_only)
    wrap = {
        "links": make().wrap_message,
        "text": partial(make(policy=of_text).wrap_message, text=True),
        "pixel": partial(make().wrap_message, click_tracking=False, open_tracking=True),
        "all": partial(make().wrap_message, text=True, open_tracking=True),
    }
    return {name: call(raw, METADATA, sent_at=SENT_AT) for name, call in wrap.items()}


def unsigned(raw: bytes) -> bytes:
    """Return a message without its signatures of transport, as it was before it was signed."""
    header = HEADER.match(raw)
    assert header is not None
    return SIGNATURES.sub(b"", header[0]) + raw[header.end() :]


def numbered(raw: bytes, number: int) -> bytes:
    """Return a message with its number in the first header field."""
    line = FROM_LINE.match(raw)
    assert line is not None
    end = b"\r\n" if b"\r\n" in raw[:1000] else b"\n"
    return line[0] + f"{NUMBER}: {number}".encode() + end + raw[line.end() :]


def rules_of(messages: list[bytes]) -> list[Rules]:
    """Return the rules that fire on each message, with their scores."""
    program = shutil.which("spamassassin", path=f"{os.environ.get('PATH', os.defpath)}:/usr/bin")
    if program is None:
        sys.exit("spamassassin is not installed: apt-get install spamassassin")
    found: dict[int, Rules] = {}
    with tempfile.TemporaryDirectory() as folder:
        for start in range(0, len(messages), BATCH):
            files = []
            for number, message in enumerate(messages[start : start + BATCH], start):
                files.append(Path(folder) / f"{number}.eml")
                files[-1].write_bytes(numbered(message, number))
            command = [program, "--local", "--nocreate-prefs", *(f"--cf={line}" for line in SETTINGS), *files]
            done = subprocess.run(
                command,
                check=True,
                capture_output=True,
                timeout=TIMEOUT,
                env={**os.environ, "HOME": folder, "LC_ALL": "C"},
            )
            for line in RULES_LINE.finditer(done.stdout.decode("latin-1").replace("\r\n", "\n")):
                rules = (rule.split("=") for rule in line[1].split(",") if "=" in rule)
                found[int(line[2])] = {name: float(score) for name, score in rules}
    if missing := set(range(len(messages))) - found.keys():
        sys.exit(f"SpamAssassin said nothing about {len(missing)} of {len(messages)} messages")
    return [found[number] for number in range(len(messages))]


def outcome(before: Rules, after: list[Rules]) -> Outcome:
    """Compare the rules before with those after, one set for each key."""
    changes = [sum(rules.values()) - sum(before.values()) for rules in after]
    fired = {name: score for rules in after for name, score in rules.items() if name not in before}
    gone = {name: score for name, score in before.items() if any(name not in rules for rules in after)}
    moved: Rules = {}
    for new in list(fired):
        old = next((name for name in gone if STEP.sub("", name) == STEP.sub("", new)), None)
        if old:
            moved[f"{old} to {new}"] = fired.pop(new) - gone.pop(old)
    return Outcome(max(changes, key=abs), fired, gone, moved)


def lines(names: list[str], before: list[Rules], outcomes: dict[str, list[Outcome | None]]) -> Iterator[str]:
    """The report: a line per message, then what changes per way."""
    yield f"{'message':<52}{'before':>8}" + "".join(f"{way:>8}" for way in outcomes)
    for number, name in enumerate(names):
        cells = (result[number] for result in outcomes.values())
        changes = "".join(f"{cell.change:>+8.1f}" if cell else f"{'as is':>8}" for cell in cells)
        yield f"{name[-51:]:<52}{sum(before[number].values()):>8.1f}{changes}"
    for way, results in outcomes.items():
        changed = [result for result in results if result]
        new = sum(bool(result.fired) for result in changed)
        yield f"\n{way}: {len(changed)} messages changed, a new rule fires in {new}"
        for name, result in zip(names, results, strict=True):
            if result:
                yield from (f"  + {rule} ({score:.1f}): {name}" for rule, score in sorted(result.fired.items()))
                yield from (f"  - {rule} ({score:.1f}): {name}" for rule, score in sorted(result.gone.items()))
                yield from (f"  ~ {rule} ({score:+.1f}): {name}" for rule, score in sorted(result.moved.items()))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=3, help="with how many keys each message is wrapped (default: 3)")
    arguments = parser.parse_args()
    paths = sorted(CORPUS.rglob("*.eml"))
    if not paths:
        sys.exit(f"no .eml under {CORPUS}: set LINKWRAP_CORPUS")
    names = [path.relative_to(CORPUS).as_posix() for path in paths]
    plain = [unsigned(path.read_bytes()) for path in paths]
    variants = [[wrapped(raw, key) for key in range(arguments.keys)] for raw in plain]
    ways = list(variants[0][0])
    wanted = dict.fromkeys([*plain, *(mail for of_keys in variants for each in of_keys for mail in each.values())])
    judged = dict(zip(wanted, rules_of(list(wanted)), strict=True))
    outcomes = {
        way: [
            outcome(judged[raw], [judged[each[way]] for each in of_keys]) if of_keys[0][way] != raw else None
            for raw, of_keys in zip(plain, variants, strict=True)
        ]
        for way in ways
    }
    print(f"{len(paths)} messages, {arguments.keys} keys: SpamAssassin read {len(wanted)} mails. Scores and changes:\n")
    print("\n".join(lines(names, [judged[raw] for raw in plain], outcomes)))


if __name__ == "__main__":
    main()
