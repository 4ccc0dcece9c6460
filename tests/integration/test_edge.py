"""The reader and the handler in JavaScript, examples/edge, give the answers of the package."""

import json
import random
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import pytest

from helpers import effort
from helpers.edge import Node, Row, Tokens, host_key, run_node, sign
from helpers.paths import TESTS
from linkwrap import Click, InvalidToken, Open, Resolver, SigningKeys, Unsubscribe
from linkwrap.endpoint import respond

VECTORS: dict[str, list[Row]] = json.loads((TESTS / "vectors" / "tokens.json").read_text(encoding="utf-8"))
SECRET = "the key of the tests at the edge"
HOST = "click.acme.com"


@pytest.fixture
def node(tmp_path: Path) -> Node:
    """What the JavaScript says to rows."""
    return partial(run_node, tmp_path)


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


def test_exported_key_of_another_host(node: Node) -> None:
    """An exported key is good for its host only, even for what was signed with it."""
    path = sign(host_key(SECRET.encode(), HOST), "/u/2u.BpJIEAacmeDFJ")
    (exported,) = SigningKeys(SECRET).for_hosts([HOST])
    answers = node("read", [{"keys": [exported], "host": host, "path": path} for host in (HOST, "click.other.com")])
    assert [answer.get("reason") for answer in answers] == [None, "signature"]


def test_longest_path(node: Node) -> None:
    """A path of 32,768 characters is read, a longer one is not; its query does not count."""
    key = host_key(SECRET.encode(), HOST)
    fixed = len(sign(key, "/f/a/2uMaBtestA.BpJIEAacmeDFJ"))
    longest = sign(key, f"/f/a/2uMaBtestA{'a' * (32_768 - fixed)}.BpJIEAacmeDFJ")
    encoded = sign(key, f"/f/a/2uMaBtestA{'a' * (32_766 - fixed)}.BpJIEAacmeDFJ").replace("/f", "/%66")
    paths = [longest, f"{longest}?x=1", encoded, f"{longest})", f"{encoded})"]
    answers = node("read", [{"keys": [SECRET], "host": HOST, "path": path} for path in paths])
    assert [answer.get("reason") for answer in answers] == [None, None, None, "too-long", "too-long"]
    resolver = Resolver(SigningKeys(SECRET))
    responses = [respond(resolver, method="GET", raw_path=path, host=HOST, headers={}) for path in paths]
    assert [response.status for response in responses] == [302, 302, 302, 404, 404]


def test_forms_of_a_host(node: Node) -> None:
    """Both readers find the same host, or none, in what a client can send as `Host`."""
    path = sign(host_key(SECRET.encode(), HOST), "/f/a/2uMaBtestA.BpJIEAacmeDFJ")
    suffixes = ["", ".", "..", ":", ":80", ":65535", ":99999", ":123456", ".:443", ":80.", ":80:80", ":+80", " ", "\t"]
    suffixes += [",evil.test", "/", "?", "#", "@evil.test", "\0", "\n", "%2e", ".evil.test"]
    hosts = [HOST.upper(), f"u@{HOST}", f"[{HOST}]", f" {HOST}", f".{HOST}", f"x{HOST}", HOST.replace(".", "..")]
    hosts += [HOST + suffix for suffix in suffixes]
    answers = node("read", [{"keys": [SECRET], "host": host, "path": path} for host in hosts])
    resolver = Resolver(SigningKeys(SECRET))

    def reason(host: str) -> str | None:
        try:
            resolver.resolve_path(host, path)
        except InvalidToken as error:
            return error.reason
        return None

    assert [(host, answer.get("reason")) for host, answer in zip(hosts, answers, strict=True)] == [
        (host, reason(host)) for host in hosts
    ]


# Random tokens, their mutations, and tokens with contents that linkwrap never signs.


def of_python(resolver: Resolver, host: str, path: str) -> Row:
    """What the package says to a path, in the words of the vectors."""
    try:
        token = resolver.resolve(f"https://{host}{path}")
    except InvalidToken as error:
        return {"reason": error.reason}
    kinds = {Click: "click", Open: "open", Unsubscribe: "unsubscribe"}
    names = ("url", "link_name", "unsubscribe", "sublink", "part", "index", "initial")
    return {
        "kind": kinds[type(token)],
        **{name: getattr(token, name) for name in names if hasattr(token, name)},
        **{name: getattr(token, name) for name in ("account_id", "metadata", "anonymous")},
        "canonical": token.token,
        "sent_at": int(token.sent_at.timestamp()),
    }


def of_javascript(answer: Row, like: Row) -> Row:
    """What the JavaScript says, in the words of the vectors, without fields that the package's answer does not have."""
    if "reason" in answer:
        return answer
    exact = answer | {"metadata": json.loads(answer["metadataText"])}
    return {name: value for name, value in of_vector(exact).items() if name in like}


def compared(node: Node, asked: Sequence[tuple[list[str], Resolver, str, str]]) -> tuple[list[object], list[Row]]:
    """The differences between the two readers' answers, and the package's answers."""
    rows = [{"keys": keys, "host": host, "path": path} for keys, _, host, path in asked]
    expected = [of_python(resolver, host, path) for _, resolver, host, path in asked]
    answers = [of_javascript(answer, like) for answer, like in zip(node("read", rows), expected, strict=True)]
    return differences(rows, expected, answers), expected


def test_random_tokens(node: Node) -> None:
    """Both readers read what the package makes, and get the same of it."""
    asked = list(Tokens(1).paths(effort.count(1000, ci=10_000, endurance=100_000)))
    different, expected = compared(node, asked)
    assert different == []
    assert {answer["kind"] for answer in expected} == {"click", "open", "unsubscribe"}
    assert {answer["part"] for answer in expected if "part" in answer} >= {"html", "text", "url"}


def test_mutations_of_random_tokens(node: Node) -> None:
    """Both readers refuse an altered URL for the same reason, or read the same of it, with the same canonical form."""
    tokens = Tokens(2)
    asked = [
        (keys, resolver, *mutation)
        for keys, resolver, host, path in list(tokens.paths(effort.count(300, ci=10_000, endurance=20_000)))
        for mutation in tokens.mutations(host, path)
    ]
    different, expected = compared(node, asked)
    assert different == []
    assert {answer.get("reason") for answer in expected} == {None, "malformed", "signature"}


def test_signed_contents_that_linkwrap_does_not_make(node: Node) -> None:
    """What only a holder of the keys can sign, both readers read alike, or refuse for the same reason."""
    dice = random.Random(3)  # noqa: S311
    resolver, key = Resolver(SigningKeys(SECRET)), host_key(SECRET.encode(), HOST)
    paths = []
    for _ in range(effort.count(2000, ci=20_000, endurance=200_000)):
        kind = dice.choice(["/f/a/2", "/f/a/2", "/f/a/2", "/q/2", "/u/2"])
        link = dice.choice(PLACES) + "MshopBexampleA" * dice.randrange(2) + some(dice, LINK_PIECES)
        context = dice.choice(TIMES) + dice.choice(["acmeN", "N", "acmeDFJ", ""]) + some(dice, CONTEXT_PIECES)
        paths.append(sign(key, f"{kind}{link if kind == '/f/a/2' else dice.choice('oiaux')}.{context}"))
    different, expected = compared(node, [([SECRET], resolver, HOST, path) for path in paths])
    assert different == []
    assert {answer.get("reason") for answer in expected} >= {None, "malformed", "destination"}


PLACES = "hA tB aC u H T A hg hgA hgg h__ x".split()
TIMES = "BpJIEA hpI6AA ______ AAAAAA gAAAAA BpJIE".split()
LINK_PIECES = "MshopBexampleA Oa L Y u Ua U1 X22 X5c X0a X7f X80 Zba ZCabcd Z_ J 1".split()
CONTEXT_PIECES = "acme D F J K L M N O P R D1 X22 X5c X09 ZAx Ua H E1 V -0".split()


def some(dice: random.Random, pieces: Sequence[str]) -> str:
    """Up to five of the pieces."""
    return "".join(dice.choices(pieces, k=dice.randrange(6)))
