"""SpamAssassin's scores of real mail before and after wrapping, and the rules that newly fire.

`python benchmarks/spam.py` takes the .eml files of the corpus (`LINKWRAP_CORPUS`) and the program of Debian's package
`spamassassin`, without network, Bayes or other memory. Links, text and pixel are wrapped apart. Signatures of transport
(DKIM, ARC, DomainKeys) are removed first, before wrapping too: linkwrap keeps signed mail as it is. Rules look at
tokens, which differ from key to key, so each message is wrapped with several keys.

`+` is a rule that newly fires, `-` one that does not fire any more, `~` one that moves to another step of its kind:
HTML_IMAGE_ONLY_04 to _32 are one rule by the size of the HTML (400 to 3,200 bytes), for mail with at least one picture.

With `--bitcoin` it counts how often a URL in plain text looks like a Bitcoin address to SpamAssassin, unwrapped and
wrapped. 10,000 destinations with hyphens and digits, always the same, are each the only URL of a mail. The pattern of
`__BITCOIN_ID` comes from the installed rules; SpamAssassin itself reads 50 of the mails and must agree.
"""

import argparse
import email
import email.policy
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
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

RULES = (*sorted(Path("/var/lib/spamassassin").glob("[0-9]*"), reverse=True), Path("/usr/share/spamassassin"))
"""Where Debian's package keeps the rules: first those that sa-update has fetched."""
BITCOIN_ID = re.compile(r"^[ \t]*body[ \t]+__BITCOIN_ID[ \t]+/(.+)/[ \t]*$", re.MULTILINE)
BITCOIN_MARK = "BENCH_BITCOIN_ID"
BITCOIN_SETTINGS = (f"meta {BITCOIN_MARK} __BITCOIN_ID", f"describe {BITCOIN_MARK} for this measurement")
DESTINATIONS = 10_000
SAMPLE = 25
"""Mails that SpamAssassin reads of each kind, half of them such as match, if there are so many."""
WORDS = (
    "account actions article autumn blue book care category city club collection contact day deal design event family "
    "first garden gift guide help home invoice item journal kitchen letter member my news offer order page photo price "
    "product profile readers report review sale season settings shop shoes story summer support team travel update "
    "user video week winter world your"
).split()
LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

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


def rules_of(messages: list[bytes], settings: tuple[str, ...] = SETTINGS) -> list[Rules]:
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
            command = [program, "--local", "--nocreate-prefs", *(f"--cf={line}" for line in settings), *files]
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


def destinations() -> list[str]:
    """Return URLs with hyphens and digits: words, words in one, numbers, dates and ids."""
    source = random.Random(10_000)  # noqa: S311
    pieces = {
        "word": lambda: source.choice(WORDS),
        "words": lambda: "".join(source.choices(WORDS, k=source.randint(2, 8))),
        "number": lambda: str(source.randrange(10 ** source.randint(1, 8))),
        "date": lambda: f"20{source.randint(10, 26)}-{source.randint(1, 12):02}-{source.randint(1, 28):02}",
        "id": lambda: "".join(source.choices(LETTERS, k=source.randint(4, 40))),
        "number and words": lambda: str(source.randrange(100)) + "".join(source.choices(WORDS, k=source.randint(1, 6))),
    }
    found: dict[str, None] = {}
    while len(found) < DESTINATIONS:
        count = source.randint(1, 6)
        path = "".join(source.choice("---/_") + source.choice([*pieces.values()])() for _ in range(count)).lstrip("-/_")
        if "-" in path and re.search(r"\d", path):
            found[f"https://{source.choice(('acme.test', 'www.acme.example', 'shop.acme.com'))}/{path}"] = None
    return list(found)


def mail_of(destination: str) -> bytes:
    """Return a mail in plain text with one URL."""
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = "Acme <news@acme.com>"
    message["To"] = "Reader <reader@example.org>"
    message["Subject"] = "Your account"
    message["Date"] = SENT_AT
    message["Message-ID"] = "<m-0123456789@acme.com>"
    message.set_content(f"please update your information and account details here: {destination}\n")
    return message.as_bytes()


def body_of(raw: bytes) -> str:
    """Return the text as body rules see it: the subject and the body, white space in one."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return " ".join(f"{message['Subject']}\n{message.get_content()}".split())


def bitcoin_pattern() -> re.Pattern[str]:
    """Return the pattern of the installed rule."""
    for folder in RULES:
        for file in sorted(folder.rglob("*.cf"), reverse=True):
            if found := BITCOIN_ID.findall(file.read_text(encoding="utf-8", errors="replace")):
                return re.compile(found[-1], re.ASCII)
    sys.exit("no rule __BITCOIN_ID: is Debian's package spamassassin installed?")


def spread(mails: list[bytes], count: int) -> list[bytes]:
    """Return so many of the mails, from first to last."""
    return [mails[number * len(mails) // count] for number in range(count)] if count else []


def measure_bitcoin() -> None:
    """Count the mails that match, have SpamAssassin read some, and print."""
    pattern = bitcoin_pattern()
    wrapper = LinkWrapper(SigningKeys("the key of this measurement"), account_id="acme", tracking_domain=HOST)
    plain = [mail_of(destination) for destination in destinations()]
    ways = {
        "unwrapped": plain,
        "wrapped": [wrapper.wrap_message(mail, METADATA, sent_at=SENT_AT, text=True) for mail in plain],
    }
    wrapped = body_of(ways["wrapped"][0])
    assert f"https://{HOST}/f/" in wrapped
    print(f"{len(plain)} destinations, tokens such as {wrapped.rpartition('/')[2]}\n__BITCOIN_ID: {pattern.pattern}\n")
    for way, mails in ways.items():
        matching = {mail for mail in mails if pattern.search(body_of(mail))}
        others = [mail for mail in mails if mail not in matching]
        some = min(SAMPLE // 2, len(matching))
        sample = spread([mail for mail in mails if mail in matching], some) + spread(others, SAMPLE - some)
        judged = rules_of(sample, SETTINGS + BITCOIN_SETTINGS)
        wrong = sum((BITCOIN_MARK in rules) != (mail in matching) for mail, rules in zip(sample, judged, strict=True))
        print(f"{way}: {len(matching)} match; of {len(sample)} mails SpamAssassin judges {wrong} otherwise")
        usual = {name for rules in judged[some:] for name in rules}
        fired = Counter(name for rules in judged[:some] for name in rules if name not in usual | {BITCOIN_MARK})
        for name, count in fired.most_common():
            score = next(rules[name] for rules in judged if name in rules)
            print(f"  + {name} ({score:.1f}): {count} of {some} that match, none of {SAMPLE - some} that do not")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--keys", type=int, default=3, help="with how many keys each message is wrapped (default: 3)")
    parser.add_argument("--bitcoin", action="store_true", help="count URLs that look like a Bitcoin address")
    arguments = parser.parse_args()
    if arguments.bitcoin:
        measure_bitcoin()
        return
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
