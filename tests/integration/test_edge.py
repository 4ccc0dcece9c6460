"""The reader and the handler in JavaScript, examples/edge, give the answers of the package."""

import base64
import hashlib
import hmac
import json
import random
import re
import string
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from helpers import effort, rests
from helpers.paths import EXAMPLES, TESTS
from helpers.processes import free_port, program, start, wait
from linkwrap import Click, InvalidToken, LinkWrapper, Open, Resolver, SigningKeys, TrackingDomain, Unsubscribe
from linkwrap.endpoint import MAX_BODY, respond

Row = dict[str, Any]
VECTORS: dict[str, list[Row]] = json.loads((TESTS / "vectors" / "tokens.json").read_text(encoding="utf-8"))
DIGITS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
SECRET = "the key of the tests at the edge"
HOST = "click.acme.com"
ORIGIN = f"https://{HOST}"


@pytest.fixture
def node(tmp_path: Path) -> Callable[[str, Iterable[Row]], list[Row]]:
    """What the JavaScript says to each row; the modes are those of helpers/edge.mjs."""
    executable = program("node", "nodejs")

    def run(mode: str, rows: Iterable[Row]) -> list[Row]:
        file = tmp_path / f"{mode}.jsonl"
        file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
        command = [executable, str(TESTS / "helpers" / "edge.mjs"), mode, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        return [json.loads(line) for line in done.stdout.splitlines()]

    return run


Node = Callable[[str, Iterable[Row]], list[Row]]


def of_vector(answer: Row) -> Row:
    """An answer of the JavaScript in the words of the vectors."""
    names = {"linkName": "link_name", "accountId": "account_id", "sentAt": "sent_at", "token": "canonical"}
    fields = {names.get(name, name): value for name, value in answer.items() if name != "metadataText"}
    return fields | {"url": fields["url"] or ""}


def differences(rows: Sequence[Row], expected: Iterable[object], answers: Iterable[object]) -> list[object]:
    """The rows that were answered otherwise, with both answers."""
    return [trio for trio in zip(rows, expected, answers, strict=True) if trio[1] != trio[2]][:5]


def test_tokens_of_the_vectors(node: Node) -> None:
    """Every token of the frozen vectors is read as they say."""
    rows = VECTORS["tokens"]
    assert len(rows) > 50
    answers = [of_vector(answer) if "reason" not in answer else answer for answer in node("read", rows)]
    assert differences(rows, [row["token"] for row in rows], answers) == []


def test_refused_paths_of_the_vectors(node: Node) -> None:
    """Every refused path of the frozen vectors is refused for the same reason."""
    rows = VECTORS["refused"]
    assert len(rows) > 50
    assert differences(rows, [{"reason": row["reason"]} for row in rows], node("read", rows)) == []


def test_challenges_of_the_vectors(node: Node) -> None:
    """The responses to challenges are those of the frozen vectors."""
    rows = VECTORS["challenges"]
    assert differences(rows, [{"response": row["response"]} for row in rows], node("challenge", rows)) == []


def key_of(row: Row) -> str:
    """A secret of the vectors as helpers/edge.mjs takes it."""
    return f"hex:{row['secret_hex']}" if "secret_hex" in row else row["secret"]


def test_derived_keys_of_the_vectors(node: Node) -> None:
    """From each secret come the host key and the exported key of the frozen vectors; too short a secret is none."""
    path = "/u/2u.BpJIEAacmeNROm-1PTOr-42D"
    rows, expected = [], []
    for row in VECTORS["derivation"]:
        signed = sign(bytes.fromhex(row["host_key_hex"]), path)
        rows += [{"keys": [key], "host": row["host"], "path": signed} for key in (key_of(row), row["exported"])]
        is_key = len(key_of(row)) >= (len("hex:") + 32 if "secret_hex" in row else 16)
        expected += [signed if is_key else None, signed]
    assert {None} < set(expected)
    assert differences(rows, expected, [answer.get("token") for answer in node("read", rows)]) == []


def test_texts_that_are_no_exported_keys(node: Node) -> None:
    """What begins like an exported key and is none is refused, without a word of it in the message."""
    rows = [{"keys": [row["key"]], "host": "click.acme.test", "path": "/"} for row in VECTORS["not_keys"]]
    answers = [answer["reason"] for answer in node("read", rows)]
    assert answers == ["TypeError: a signing key that begins with linkwrap-host: is not an exported key"] * len(rows)


# Random tokens, their mutations, and what only a holder of the keys could sign.


def sign(host_key: bytes, path: str) -> str:
    """A path with its signature, by docs/token.md."""
    signature = hmac.digest(host_key, path.encode(), hashlib.sha256)[:16]
    return f"{path}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def host_key(secret: str, host: str) -> bytes:
    """HOSTKEY of docs/token.md."""
    return hmac.digest(hmac.digest(b"linkwrap/2/host", secret.encode(), hashlib.sha256), host.encode(), hashlib.sha256)


def python_answer(resolver: Resolver, host: str, path: str) -> Row:
    """What the package says to a path, in the words of the vectors."""
    try:
        token = resolver.resolve(f"https://{host}{path}")
    except InvalidToken as error:
        return {"reason": error.reason}
    fields = {
        "kind": {Click: "click", Open: "open", Unsubscribe: "unsubscribe"}[type(token)],
        "sent_at": int(token.sent_at.timestamp()),
        **{name: getattr(token, name) for name in ("anonymous", "account_id", "metadata", "canonical")},
    }
    return fields
