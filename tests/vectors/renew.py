"""Write `tokens.json`: what must be derived from keys, what tokens hold, and which paths are refused.

It uses nothing of linkwrap: the packed parts are written out, and signed with the standard library alone, by
docs/token.md. After the first release, the vectors do not change.

    python tests/vectors/renew.py
"""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

HOST = "click.acme.test"
CURRENT = "the current key of the vectors"
RETIRED = "a retired key of the vectors"
MESSAGE = "BpJIEAacmeNROm-1PTOr-42D"
SHOP = "MshopBexampleAsaleEaC1DbC2Gtop"
SHOP_URL = "https://shop.example/sale?a=1&b=2#top"
EMPTY = "AAAAAAacmeDFJ"  # acme, no metadata, the first second of 1970


def mac(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256."""
    return hmac.digest(key, text, "sha256")


def base64url(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def host_key(secret: bytes, host: str) -> bytes:
    """HOSTKEY."""
    return mac(mac(b"linkwrap/2/host", secret), host.encode())


def exported(secret: str | bytes, host: str = HOST) -> str:
    """The exported key of a secret for a host."""
    secret = secret.encode() if isinstance(secret, str) else secret
    return f"linkwrap-host:{host}:{base64url(host_key(secret, host))}"


def signed(path: str, secret: str = CURRENT, host: str = HOST) -> str:
    """The path with a signature behind it."""
    return f"{path}.{base64url(mac(host_key(secret.encode(), host), path.encode())[:16])}"


def click(place: str = "hA", link: str = SHOP, context: str = MESSAGE, *, sublink: str = "a", **key: str) -> str:
    """The path of a click, signed."""
    return signed(f"/f/{sublink}/2{place}{link}.{context}", **key)


def pixel(link: str = "o", context: str = MESSAGE, **key: str) -> str:
    """The path of an open pixel, signed."""
    return signed(f"/q/2{link}.{context}", **key)


def unsubscribe(link: str = "u", context: str = MESSAGE, **key: str) -> str:
    """The path of a one-click unsubscribe, signed."""
    return signed(f"/u/2{link}.{context}", **key)


def encoded(path: str, template: str = "%{:02X}") -> str:
    """The path with each character percent-encoded."""
    return "".join(template.format(ord(character)) for character in path)


# What is derived from keys


def derived(about: str, secret: str | bytes, host: str = HOST) -> dict[str, Any]:
    """What is derived from a secret."""
    data = secret.encode() if isinstance(secret, str) else secret
    return {
        "about": about,
        **({"secret": secret} if isinstance(secret, str) else {"secret_hex": secret.hex()}),
        "host": host,
        "root_hex": mac(b"linkwrap/2/host", data).hex(),
        "host_key_hex": host_key(data, host).hex(),
        "verify_key_hex": mac(b"linkwrap/2/verify", data).hex(),
        "exported": exported(data, host),
    }


LONG = bytes(range(65))
DERIVATION = [
    derived("text", CURRENT),
    derived("text outside ASCII", "schlüssel-schlüssel"),
    derived("the same as bytes", "schlüssel-schlüssel".encode()),
    derived("bytes that are no UTF-8", b"\xff\xfe\x00\x80" * 8),
    derived("another host", CURRENT, "click.other.test"),
    derived("international host", CURRENT, "klick.xn--fa-hia.de"),
    derived("localhost", CURRENT, "localhost"),
    derived("k", b"k"),
    derived("k and NUL", b"k\0"),
    derived("16 k", b"k" * 16),
    derived("16 k and NUL", b"k" * 16 + b"\0"),
    derived("64 bytes", LONG[:64]),
    derived("65 bytes", LONG),
    derived("SHA-256 of the 65 bytes", hashlib.sha256(LONG).digest()),
]

WHOLE = exported(CURRENT)
NOT_KEYS = [
    {"about": about, "key": key}
    for about, key in {
        "nothing behind the prefix": "linkwrap-host:",
        "no host": "linkwrap-host::" + WHOLE[-43:],
        "no key": f"linkwrap-host:{HOST}",
        "empty key": f"linkwrap-host:{HOST}:",
        "cut off": WHOLE[:-1],
        "one character too many": WHOLE + "A",
        "padded": WHOLE + "=",
        "another spelling of the key": WHOLE[:-1] + chr(ord(WHOLE[-1]) + 1),
        "other alphabet": WHOLE[:-2] + "+" + WHOLE[-1],
        "capital in the host": WHOLE.replace("click", "Click"),
        "trailing dot": WHOLE.replace(HOST, HOST + "."),
        "port": WHOLE.replace(HOST, HOST + ":443"),
        "no host name": WHOLE.replace(HOST, "click"),
        "address": WHOLE.replace(HOST, "192.0.2.1"),
        "wildcard": WHOLE.replace(HOST, "*.acme.test"),
        "two": f"{WHOLE} {WHOLE}",
    }.items()
]

# What tokens hold


def token(
    about: str, path: str, *, host: str = HOST, keys: tuple[str, ...] = (CURRENT,), **fields: Any
) -> dict[str, Any]:
    """A path and what it holds: a click on the shop, but for these fields."""
    kind = fields.get("kind", "click")
    values = {
        "kind": kind,
        "url": SHOP_URL if kind == "click" else "",
        "link_name": None,
        "unsubscribe": False,
        "sublink": "a" if kind == "click" else None,
        "initial": False,
        "part": None if kind == "unsubscribe" else "html",
        "index": 0 if kind == "click" else None,
        "account_id": "acme",
        "metadata": {"message_id": "m-1", "rcpt": "r-42"},
        "sent_at": 1_764_000_000,
        "anonymous": False,
        "canonical": path,
    }
    assert fields.keys() <= values.keys()
    return {"about": about, "keys": list(keys), "host": host, "path": path, "token": values | fields}


def reader_only(about: str, path: str, **fields: Any) -> dict[str, Any]:
    """A token that a reader takes and that linkwrap does not write."""
    return token(f"not written: {about}", path, **fields)


def with_rest(about: str, rest: str) -> dict[str, Any]:
    """A click with a rest behind its token."""
    return token(f"rest: {about}", click() + rest, canonical=click())


UMLAUTS = "UgrX5cu00f6X5cu00dfeX20X5cu65e5X5cu672cX20X5cud83dX5cude00"
EVERY_TYPE = "NaDE1FDbDE-2B5FDcDEtrueFDdDEnullFDeOPfDELJK"
RAW = "QUICKBROWNFOX"
ALL_RAW = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LONG_RUN = (ALL_RAW * 3)[:61] + "Z"

TOKENS = [
    token("click", click()),
    token(
        "campaign parameters",
        click("hB", "LshopBexamplePnewsletterESnewsletterTQVspringWtop"),
        url="https://www.shop.example.com/newsletter"
        "?utm_source=newsletter&utm_medium=email&utm_campaign=spring&utm_content=top",
        index=1,
    ),
    token("http", click(link="OshopBexampleA"), url="http://shop.example/"),
    token("http and www", click(link="NshopBexampleA"), url="http://www.shop.example/"),
    token("port and userinfo", click(link="MaHbIshopBexampleH8443A"), url="https://a:b@shop.example:8443/"),
    token("percent signs", click(link="MshopBexampleAaF20bEmailCaF40b"), url="https://shop.example/a%20b?mail=a%40b"),
    token("two capitals", click(link="MshopBexampleAUaUb"), url="https://shop.example/AB"),
    token(
        "characters without a letter",
        click(link="MshopBexampleAX7eX21X24X28X29X2aX3b"),
        url="https://shop.example/~!$()*;",
    ),
    token("index 31", click("hf"), index=31),
    token("index 32", click("hgg"), index=32),
    token("index 63", click("hg_"), index=63),
    token("index 64", click("hhA"), index=64),
    token("index 2047", click("h__"), index=2047),
    token("no index", click("H"), index=None),
    token("text", click("tA"), part="text"),
    token("text, index 2047", click("t__"), part="text", index=2047),
    token("text, no index", click("T"), part="text", index=None),
    token("AMP", click("aB"), part="amp", index=1),
    token("AMP, no index", click("A"), part="amp", index=None),
    token("single URL", click("u"), part="url", index=None),
    token("name", click("hA", SHOP + "YYUspringX20sale"), link_name="Spring sale"),
    token("name outside ASCII", click("hA", SHOP + "YY" + UMLAUTS), link_name="Größe 日本 \U0001f600"),
    token("empty name", click("hA", SHOP + "YY"), link_name=""),
    token("name with quotes", click("hA", SHOP + "YYaX5cX22JX5cX22bX5cX5c"), link_name='a","b\\'),
    token("unsubscribe link", click("hA", SHOP + "Yu"), unsubscribe=True),
    token("unsubscribe link with name", click("hA", SHOP + "YuYUsale"), unsubscribe=True, link_name="Sale"),
    token("sublink", click(sublink="app_1-X"), sublink="app_1-X"),
    token("longest sublink", click(sublink="s" * 64), sublink="s" * 64),
    token("longest destination", click(link="MshopBexampleA" + "x" * 4075), url="https://shop.example/" + "x" * 4075),
    token("no account, no metadata", click(context="BpJIEADFJ"), account_id="", metadata={}),
    token("account outside ASCII", click(context="BpJIEAgrX5cu00f6X5cu00dfeDFJ"), account_id="größe", metadata={}),
    token("account with quotes", click(context="BpJIEAaX5cDFX5cX5cDFJ"), account_id='a",\\', metadata={}),
    token("first second", click(context=EMPTY), sent_at=0, metadata={}),
    token("last second", click(context="f_____acmeDFJ"), sent_at=2**35 - 1, metadata={}),
    token("anonymous", click(context="hpI6AAacmeDFJ"), sent_at=1_763_942_400, anonymous=True, metadata={}),
    token(
        "anonymous with a campaign",
        click(context="hpI6AAacmeNQOspringD"),
        sent_at=1_763_942_400,
        anonymous=True,
        metadata={"campaign_id": "spring"},
    ),
    token("anonymous, first second", click(context="gAAAAAacmeDFJ"), sent_at=0, anonymous=True, metadata={}),
    reader_only(
        "anonymous, last second", click(context="______acmeDFJ"), sent_at=2**35 - 1, anonymous=True, metadata={}
    ),
    token(
        "metadata of every JSON type",
        click(context=f"BpJIEAacme{EVERY_TYPE}M"),
        metadata={"a": 1, "b": -2.5, "c": True, "d": None, "e": "", "f": [{}]},
    ),
    token(
        "metadata of well-known keys",
        click(context="BpJIEAacmeNQOspringPROm-1PSOu-1PTOr-42D"),
        metadata={"campaign_id": "spring", "message_id": "m-1", "user_id": "u-1", "rcpt": "r-42"},
    ),
    token(
        "metadata outside ASCII",
        click(context="BpJIEAacmeNgrX5cu00f6X5cu00dfeOX5cu65e5X5cu672cHX5cud83dX5cude00D"),
        metadata={"größe": "日本 \U0001f600"},
    ),
    token("raw run", click(link=f"MshopBexampleAZM{RAW}"), url=f"https://shop.example/{RAW}"),
    token("shortest raw run", click(link="MshopBexampleAaZCUXZb"), url="https://shop.example/aUXZb"),
    token(
        "raw run with lower-case letters",
        click(link="MshopBexampleAEtCeyZQJhbGciOiJIUzI1NiJ9"),
        url="https://shop.example/?t=eyJhbGciOiJIUzI1NiJ9",
    ),
    token("longest raw run", click(link=f"MshopBexampleAZ9{LONG_RUN}"), url=f"https://shop.example/{LONG_RUN}"),
    token("raw run in metadata", click(context="BpJIEAacmeNidOZFUXYZUXD"), metadata={"id": "UXYZUX"}),
    token("raw run in the account", click(context="BpJIEAZDACMEDFJ"), account_id="ACME", metadata={}),
    token(
        "word that looks like an address of Bitcoin",
        click(link="MshopBexampleAitem-X31ZgBoatSLRHtKNngkdXEeobR76b53LETtpyT"),
        url="https://shop.example/item-1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    ),
    token(
        "word that looks like one, in lower case",
        click(link="MshopBexampleAitem-X33j98t1wpez73cnmqviecrnyiwrnqrhwnly"),
        url="https://shop.example/item-3j98t1wpez73cnmqviecrnyiwrnqrhwnly",
    ),
    reader_only("raw run of one", click(link="MshopBexampleAZAxZAUZAZ"), url="https://shop.example/xUZ"),
    reader_only("raw run of digits and signs", click(link="MshopBexampleAZD1-_2"), url="https://shop.example/1-_2"),
    reader_only("text escaped where it need not be", click(link="MshopBexampleAX61Ub"), url="https://shop.example/aB"),
    reader_only("word in single characters", click(link="httpsHAAshopBexampleA"), url="https://shop.example/"),
    reader_only("more fields", click(link=SHOP + "YYUsaleYxYy"), link_name="Sale"),
    reader_only("other flags", click(link=SHOP + "YxuzYUsale"), link_name="Sale", unsubscribe=True),
    reader_only("other flags only", click(link=SHOP + "Yx")),
    reader_only("empty fields", click(link=SHOP + "Y")),
    token("percent-encoded", encoded(click()), canonical=click()),
    token("percent-encoded in lower case", encoded(click(), "%{:02x}"), canonical=click()),
    token("percent-encoded in part", click().replace("2", "%32").replace(".", "%2e", 1), canonical=click()),
    with_rest("bracket", ")"),
    with_rest("encoded bracket", "%29"),
    with_rest("parameters", "&source=gmail&ust=1764000000&usg=AOvVaw0x"),
    with_rest("padding", "=="),
    with_rest("slash", "/"),
    with_rest("encoded slash", "%2F"),
    with_rest("name of a file", ".css"),
    with_rest("backslash", "\\"),
    with_rest("a character encoded twice", "%2561"),
    with_rest("half an encoding", "%4"),
    with_rest("no encoding", "%zz"),
    with_rest("line break", "%0D%0ASet-Cookie:%20a=b"),
    with_rest("NUL", "%00"),
    with_rest("UTF-8", "%E2%80%9D"),
    with_rest("path behind a bracket", ")/../x;y"),
    with_rest("512 characters", ")" * 512),
    with_rest("512 characters, encoded", "%29" * 512),
    token("open", pixel(), kind="open"),
    token("initial open", pixel("i"), kind="open", initial=True),
    token("open of the AMP body", pixel("a"), kind="open", part="amp"),
    token(
        "anonymous open",
        pixel(context="hpI6AAacmeDFJ"),
        kind="open",
        sent_at=1_763_942_400,
        anonymous=True,
        metadata={},
    ),
    token("open with a rest", pixel() + ")", kind="open", canonical=pixel()),
    token("unsubscribe", unsubscribe(), kind="unsubscribe"),
    token("unsubscribe with a rest", unsubscribe() + ")", kind="unsubscribe", canonical=unsubscribe()),
    token("retired key", click(secret=RETIRED), keys=(CURRENT, RETIRED)),
    token("exported key", click(), keys=(exported(CURRENT),)),
    token("exported keys of two hosts", click(), keys=(exported(CURRENT, "click.other.test"), exported(CURRENT))),
    token("exported key of a retired one", click(secret=RETIRED), keys=(exported(CURRENT), exported(RETIRED))),
    token("exported key beside a secret", click(secret=RETIRED), keys=(CURRENT, exported(RETIRED))),
    token("localhost", click(host="localhost"), host="localhost"),
    token("international host", click(host="klick.xn--fa-hia.de"), host="klick.xn--fa-hia.de"),
]

# What is refused


def refused(
    about: str, path: str, reason: str = "malformed", *, host: str = HOST, keys: tuple[str, ...] = (CURRENT,)
) -> dict[str, Any]:
    """A path and why it is refused."""
    return {"about": about, "keys": list(keys), "host": host, "path": path, "reason": reason}


def other_last(path: str) -> str:
    """The path with the last character of the signature changed in bits that decoders of base64 drop."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return path[:-1] + digits[digits.index(path[-1]) + 1]


HEAD, CONTEXT, SIGNATURE = click().split(".")
WITH_SIGNS = next(path for number in range(99) if set("-_") & set((path := click("hA", f"{SHOP}{number}"))[-22:]))

REFUSED = [
    refused("another host", click(), "signature", host="click.other.test"),
    refused("host above", click(), "signature", host="acme.test"),
    refused("removed key", click(), "signature", keys=(RETIRED,)),
    refused("exported key of another host", click(), "signature", keys=(exported(CURRENT, "click.other.test"),)),
    refused(
        "exported key renamed",
        click(),
        "signature",
        keys=(exported(CURRENT, "click.other.test").replace("other", "acme"),),
    ),
    refused(
        "exported key in place of a secret",
        signed(f"/f/a/2hA{SHOP}.{MESSAGE}", secret=exported(CURRENT)),
        "signature",
        keys=(exported(CURRENT),),
    ),
    refused("another sublink", click().replace("/f/a/", "/f/b/"), "signature"),
    refused("sublink in capitals", click().replace("/f/a/", "/f/A/"), "signature"),
    refused("another part", click().replace("2hA", "2tA"), "signature"),
    refused("another index", click().replace("2hA", "2hB"), "signature"),
    refused("another format", click().replace("/2", "/1"), "malformed"),
    refused("another format, rightly signed", signed(f"/f/a/1hA{SHOP}.{MESSAGE}"), "malformed"),
    refused("a later format", signed(f"/f/a/3hA{SHOP}.{MESSAGE}"), "malformed"),
    refused("click as open", click().replace("/f/a/", "/q/"), "signature"),
    refused("click as unsubscribe", click().replace("/f/a/", "/u/"), "signature"),
    refused("open as click", pixel().replace("/q/", "/f/a/"), "signature"),
    refused("open as unsubscribe", pixel().replace("/q/", "/u/"), "signature"),
    refused("unsubscribe as open", unsubscribe().replace("/u/", "/q/"), "signature"),
    refused("unsubscribe as click", unsubscribe().replace("/u/", "/f/a/"), "signature"),
    refused("open with a sublink", pixel().replace("/q/", "/q/a/")),
    refused("click without a sublink", click().replace("/f/a/", "/f/")),
    refused("sublink too long", click(sublink="s" * 65)),
    refused("sublink with a dot", click(sublink="a.b")),
    refused("anonymous flag set", click().replace(".BpJIEA", ".hpJIEA"), "signature"),
    refused("link of another token", f"{click('hB').partition('.')[0]}.{CONTEXT}.{SIGNATURE}", "signature"),
    refused("context of another token", f"{HEAD}.{EMPTY}.{SIGNATURE}", "signature"),
    refused("signature of another token", f"{HEAD}.{CONTEXT}.{click('hB')[-22:]}", "signature"),
    refused("signature of the token alone", signed(f"2hA{SHOP}.{MESSAGE}").replace("2hA", "/f/a/2hA"), "signature"),
    refused("another spelling of the signature", other_last(click()), "signature"),
    refused("signature in the other alphabet", WITH_SIGNS[:-22] + WITH_SIGNS[-22:].replace("-", "+").replace("_", "/")),
    refused("signature in upper case", click()[:-22] + click()[-22:].upper(), "signature"),
    refused("signature of zeros", click()[:-22] + "A" * 22, "signature"),
    refused("signature cut off", click()[:-1]),
    refused("no signature", f"{HEAD}.{CONTEXT}"),
    refused("empty signature", f"{HEAD}.{CONTEXT}."),
    refused("no context", HEAD),
    refused("empty context", f"{HEAD}..{SIGNATURE}"),
    refused("longer signature", click() + "A"),
    refused("encoded twice", encoded(click()).replace("%", "%25")),
    refused("one character encoded twice", click().replace("/2", "/%2532")),
    refused("raw non-ASCII digit", click().replace("/2", "/٢")),
    refused("encoded space in the link", click().replace("Msh", "M%20sh")),
    refused("encoded NUL in the link", click().replace("Msh", "M%00sh")),
    refused("plus sign in the context", click().replace(".BpJ", ".%2BpJ")),
    refused("no path", ""),
    refused("slash alone", "/"),
    refused("no slash at the beginning", click()[1:]),
    refused("two slashes at the beginning", "/" + click()),
    refused("whole URL", f"https://{HOST}{click()}"),
    refused("capital in the prefix", click().replace("/f/", "/F/")),
    refused("dots before the prefix", "/x/.." + click()),
    refused("rest: letter", click() + "x"),
    refused("rest: encoded letter", click() + "%78)"),
    refused("rest: hyphen", click() + "-)"),
    refused("rest: encoded underscore", click() + "%5F)"),
    refused("rest: path", click() + "/x.css"),
    refused("rest: two slashes", click() + "//"),
    refused("rest: encoded path", click() + "%2Fx.css"),
    refused("rest: path encoded twice", click() + "%252Fx.css"),
    refused("rest: path encoded four times", click() + "%2525252fx"),
    refused("rest: parameter of the path", click() + ";x"),
    refused("rest: encoded parameter of the path", click() + "%3Bx"),
    refused("rest: parameter encoded twice", click() + "%253bx"),
    refused("rest: 513 characters", click() + ")" * 513),
    refused("rest behind another signature", click()[:-1] + ")"),
    refused("too long", click() + "%29" * 11_000, "too-long"),
    # Rightly signed, and malformed: PLACE
    refused("no place", click("", SHOP)),
    refused("nothing but the number", signed(f"/f/a/2.{MESSAGE}")),
    refused("letter without an index", click("h", "")),
    refused("half an index", click("hg", "")),
    refused("two digits for 0", click("hgA")),
    refused("two digits for 31", click("hgf")),
    refused("letter of no part", click("xA")),
    refused("capital of no part", click("X")),
    refused("capital of the single URL", click("U")),
    refused("digit for the part", click("1A")),
    refused("index behind the single URL", click("uA"), "destination"),
    refused("index behind a capital", click("HA"), "destination"),
    # LINK
    *(
        refused(f"link: {about}", click(link="MshopBexampleA" + end))
        for about, end in {
            "end of the string": "X22",
            "control": "X0a",
            "NUL": "X00",
            "beyond ASCII": "X80",
            "hexadecimal digits in upper case": "X7E",
            "escape cut off": "X2",
            "escape of nothing": "X",
            "capital cut off": "U",
            "digit as capital": "U1",
            "capital twice": "UU",
            "raw run of nothing": "Z",
            "raw run cut off": "ZDaBc",
            "raw run of 63": "Z-" + "a" * 63,
            "raw run of 64": "Z_" + "a" * 64,
            "backslash": "X5c",
            "escape of no character": "X5cx41",
            "half an escape": "X5cu00",
            "number for the name": "YX22J5JX22y",
            "number for the flags": "X22J5JX22y",
            "list within": "X22JX5bX22aX22X5dJX22y",
        }.items()
    ),
    *(
        refused(f"open: {about}", pixel(link))
        for about, link in {"none": "", "other": "x", "two": "oo", "capital": "O", "unsubscribe": "u"}.items()
    ),
    *(
        refused(f"unsubscribe: {about}", unsubscribe(link))
        for about, link in {"none": "", "other": "x", "two": "uu", "open": "o"}.items()
    ),
    # CONTEXT
    *(
        refused(f"context: {about}", click(context=context))
        for about, context in {
            "one character": "A",
            "time cut off": "BpJIE",
            "time alone": "BpJIEA",
            "account alone": "BpJIEAacmeD",
            "list in place of the metadata": "BpJIEAacmeDFL",
            "key without value": "BpJIEAacmeDFJDaD",
            "comma behind the metadata": "BpJIEAacmeDFJKF",
            "two objects": "BpJIEAacmeDFJKFJ",
            "list in between": "BpJIEAacmeDFLMFJ",
            "text behind the list": "BpJIEAacmeDFJKMJ",
            "deep nesting": "BpJIEAacmeDFJDaDE" + "L" * 9000,
            "capital without an entry": "BpJIEAacmeDFJV",
            "capital cut off": "BpJIEAacmeDFJU",
            "escape cut off": "BpJIEAacmeDFJX2",
            "raw run cut off": "BpJIEAacmeDFJZD",
            "raw run of 63": "BpJIEAZ-" + "a" * 63 + "DFJ",
            "control": "BpJIEAacX0ameDFJ",
            "no number": "BpJIEAacmeDFJDaDEUnaUn",
            "infinity": "BpJIEAacmeDFJDaDEUinfinity",
        }.items()
    ),
    # What is nothing to redirect to
    *(
        refused(f"destination: {about}", click(link=link), "destination")
        for about, link in {
            "none": "",
            "script": "javascriptHalertX281X29",
            "data": "dataHtextAhtmlJx",
            "ftp": "ftpHAAshopBexampleA",
            "path": "Aa",
            "no scheme": "AAshopBexampleA",
            "no host": "MAAA",
            "space": "MshopBexampleAaX20b",
            "letter outside ASCII": "MshopBexampleAX5cu00fc",
            "lone surrogate": "MshopBexampleAX5cud800",
            "line break": "MshopBexampleAX5cnX53et-Cookie",
        }.items()
    ),
]

# Challenge responses


def challenge(
    about: str, keys: tuple[str, ...], secret: str | None, *, host: str = HOST, nonce: str = "0123456789abcdef" * 2
) -> dict[str, Any]:
    """A nonce and the response to it by this secret; None for no response."""
    response = None
    if secret is not None:
        response = base64url(mac(mac(b"linkwrap/2/verify", secret.encode()), f"{host}/{nonce}".encode())[:16])
    return {"about": about, "keys": list(keys), "host": host, "nonce": nonce, "response": response}


CHALLENGES = [
    challenge("one key", (CURRENT,), CURRENT),
    challenge("another nonce", (CURRENT,), CURRENT, nonce="f" * 32),
    challenge("another host", (CURRENT,), CURRENT, host="click.other.test"),
    challenge("the current key responds", (CURRENT, RETIRED), CURRENT),
    challenge("an exported key cannot", (exported(CURRENT),), None),
    challenge("the first that can responds", (exported(CURRENT), RETIRED), RETIRED),
]


def vectors() -> str:
    """The text of `tokens.json`."""
    content = {
        "derivation": DERIVATION,
        "not_keys": NOT_KEYS,
        "tokens": TOKENS,
        "refused": REFUSED,
        "challenges": CHALLENGES,
    }
    return json.dumps(content, indent=1) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name("tokens.json").write_text(vectors(), encoding="utf-8")
