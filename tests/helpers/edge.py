"""The JavaScript of examples/edge, and random redirect URLs for it."""

import base64
import hmac
import html
import json
import random
import re
import string
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from helpers import rests
from helpers.paths import TESTS
from helpers.processes import program
from linkwrap import LinkWrapper, Resolver, SigningKeys

Row = dict[str, Any]
Node = Callable[[str, Iterable[Row]], list[Row]]
Asked = tuple[list[str], Resolver, str, str]
"""Keys as edge.mjs takes them, a resolver that has them, host and path."""

DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_LETTERS = [DIGITS, string.printable, DIGITS + " äßÖ漢😀\u2028\x7f\"\\'<&é"]
_HOSTS = ["click.acme.com", "a.b.c.example", "x-1.test", "klick.xn--fa-hia.de", f"{'l' * 63}.example"]


def run_node(folder: Path, mode: str, rows: Iterable[Row]) -> list[Row]:
    """What the JavaScript answers to each row, in one process; the modes are those of edge.mjs."""
    file = folder / f"{mode}.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    command = [program("node", "nodejs"), str(TESTS / "helpers" / "edge.mjs"), mode, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def sign(key: bytes, path: str) -> str:
    """A path with its signature, by docs/token.md."""
    signature = hmac.digest(key, path.encode(), "sha256")[:16]
    return f"{path}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def host_key(secret: bytes, host: str) -> bytes:
    """HOSTKEY of docs/token.md."""
    return hmac.digest(hmac.digest(b"linkwrap/2/host", secret, "sha256"), host.encode(), "sha256")


class Tokens:
    """Random paths of redirect URLs, made by the package's public API."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311
        self.senders = [self._sender() for _ in range(30)]

    def _sender(self) -> tuple[list[str], Resolver, LinkWrapper, str]:
        """The keys as helpers/edge.mjs takes them, and a resolver, a wrapper and a host for them."""
        secrets = [self.text(16, 80) if self.random.random() < 0.7 else self.random.randbytes(32) for _ in range(3)]
        texts = [f"hex:{secret.hex()}" if isinstance(secret, bytes) else secret for secret in secrets]
        host = self.random.choice(_HOSTS)
        signing = self.random.randrange(3)
        keys = SigningKeys(secrets[signing], retired=[secret for secret in secrets if secret != secrets[signing]])
        account = self.random.choice(["", "acme", "Acme-7", self.text(1, 20)])
        wrapper = LinkWrapper(keys, account_id=account, tracking_domain=host, initial_open=True)
        if self.random.random() < 0.3:  # readers that have no secret, but the keys of a few hosts
            texts = [text for each in (keys, SigningKeys(secrets[0])) for text in each.for_hosts([host, _HOSTS[0]])]
            return texts, Resolver(SigningKeys(texts[0], retired=texts[1:])), wrapper, host
        return texts, Resolver(keys), wrapper, host

    def text(self, least: int, most: int) -> str:
        """Text of many scripts, with capitals, quotes and controls."""
        return "".join(self.random.choices(self.random.choice(_LETTERS), k=self.random.randint(least, most)))

    def destination(self) -> str:
        """A URL, by far not always a usual one."""
        dice = self.random
        word = lambda: "".join(dice.choices(DIGITS + ".~%!$'()*+,;:@", k=dice.randint(1, 20)))  # noqa: E731
        host = dice.choice(["www.shop.example", "shop.example.com", "SHOP.example", "münchen.example", "10.0.0.1"])
        parts = [dice.choice(["https://", "http://", "HTTPS://"]), dice.choice(["", "", "", "u:p@"]), host]
        parts += [dice.choice(["", "", ":8443"]), *(f"/{word()}" for _ in range(dice.randrange(5)))]
        parts += dice.choice(["", "", f"?utm_source={word()}&utm_medium=email&x={word()}", f"?{word()}"])
        return "".join(parts) + dice.choice(["", "", f"#{word()}", "/é", "?%41%zz"])

    def value(self, depth: int = 0) -> Any:
        """A JSON value."""
        dice = self.random
        kind = dice.randrange(8 if depth < 2 else 6)
        if kind == 6:
            return [self.value(depth + 1) for _ in range(dice.randrange(3))]
        if kind == 7:
            return self.metadata(depth + 1)
        integers = [0, -1, dice.randrange(10**6), dice.randrange(2**64), -(2**53) - 1]
        numbers: list[Any] = [None, dice.random() < 0.5, dice.choice(integers), dice.uniform(-1e9, 1e9)]
        return [*numbers, self.text(0, 12), f"r-{dice.randrange(10**10)}"][kind]

    def metadata(self, depth: int = 0) -> dict[str, Any]:
        """An object of few bytes."""
        names = ["rcpt", "message_id", "user_id", "campaign_id", "__proto__", "", "1", self.text(1, 8)]
        return {self.random.choice(names): self.value(depth) for _ in range(self.random.randrange(4))}

    def paths(self, count: int) -> Iterable[Asked]:
        """So many tokens or a few more: mostly clicks, opens and unsubscribes."""
        dice = self.random
        made = 0
        while made < count:
            keys, resolver, wrapper, host = dice.choice(self.senders)
            metadata, kind = self.metadata(), dice.randrange(10)
            if kind == 0:
                urls = [wrapper.unsubscribe_url(metadata)]
            elif kind == 1:
                links = [f'<a href="{html.escape(self.destination())}">x</a>' for _ in range(dice.choice([1, 40]))]
                urls = redirects(wrapper.wrap(f"<body>{''.join(links)}</body>", metadata), host)
                urls = dice.sample(urls, min(len(urls), 5)) + urls[-2:]
            elif kind == 2:
                text = f"See {self.destination()} and https://shop.example/"
                urls = redirects(wrapper.wrap_text(text, metadata), host)
            else:
                options = {
                    "link_name": dice.choice([None, "", "Sale", self.text(1, 15)]),
                    "unsubscribe": dice.random() < 0.2,
                    "sublink": dice.choice([None, None, "footer", "A-_9" * 16]),
                }
                urls = [wrapper.wrap_url(self.destination(), metadata, **options)]
            for url in urls:
                if url.startswith(f"https://{host}/"):  # not each destination can be wrapped
                    made += 1
                    yield keys, resolver, host, url.removeprefix(f"https://{host}")

    def mutations(self, host: str, path: str) -> Iterable[tuple[str, str]]:
        """Host and path of URLs that are nearly this one."""
        dice = self.random
        at, character = dice.randrange(1, len(path)), dice.choice(DIGITS * 3 + "./%;:&=~@\\ \u00e9\u0100\0\n")
        yield host, path[:at] + character + path[at + 1 :]
        yield host, path[:at] + path[at + 1 :]
        yield host, path[:at] + character + path[at:]
        yield host, f"{path[:at]}%{ord(path[at]):02x}{path[at + 1 :]}"
        yield (
            dice.choice(
                [
                    "192.0.2.7",
                    "localhost",
                    "a_b.test",
                    "x",
                    f"x{host}",
                    host[1:],
                    host.upper(),
                    f"{host}.",
                    f"{host}:443",
                    *_HOSTS,
                ]
            ),
            path,
        )
        yield host, path + dice.choice(rests.IGNORED)
        yield host, path + dice.choice(rests.REFUSED)


def redirects(text: str, host: str) -> list[str]:
    """The redirect URLs in a mail."""
    return re.findall(rf"https://{re.escape(host)}/[fqu]/[\w./-]+", text)
