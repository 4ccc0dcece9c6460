"""Which links are wrapped: what a placeholder is, whose opt-outs count, one-time links, and the sender's own rules."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from ._faults import Faults, require_str
from ._hosts import host_name
from .link import Link

__all__ = ["DEFAULT_PLACEHOLDERS", "SENDERS", "LinkPolicy", "placeholder_pattern", "utm"]

OPT_OUTS: Final[Mapping[str, tuple[str, str | None]]] = {
    "sparkpost": ("data-msys-clicktrack", "0"),
    "sendgrid": ("clicktracking", "off"),
    "mailgun": ("disable-tracking", "true"),
    "postmark": ("data-pm-no-track", None),
    "ses": ("ses:no-track", None),
    "mandrill": ("mc:disable-tracking", None),
    "customerio": ("class", "untracked"),
    "ahoy": ("data-skip-click", None),
    "mautic": ("mautic:disable-tracking", None),
}
"""The attribute by which a sender's mail opts a link out, and its value; None for any value, or none at all."""
SENDERS: Final = frozenset(OPT_OUTS)
"""The senders whose opt-outs are read."""

# Each opener, and what follows it up to its closer, where there is one: no alternative reads past the next opener, so
# that a search takes linear time. All alternatives begin with a literal, which lets the search skip other characters.
# A letter is one of ASCII, or any character beyond. Ranges up to U+10FFFF would take long to compile.
_NO_LETTER = r"\0-@\[-`\{-\x7f"
_LETTER = f"[^{_NO_LETTER}]"
_NO_ESCAPE = "(?![0-9a-fA-F]{2})"
_GUID = "[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"
_TAG = r"<[^<>]*+>?+"
_NO_BRACE = r"\0-@\[-`|~\x7f"  # no letter, and no brace either
# {{ x }}; {% x %}, not "{%7B"; {x}, with a letter, and neither JSON, that in a string of JSON too, nor a GUID.
_BRACE = (
    r"\{(?:\{(?:[^{}]*+\}\})?+"
    rf"|%(?:25|7[Bb]|{_NO_ESCAPE}(?:[^{{}}%]*+%\}})?+)"
    rf"""|(?!(?:[ +]|%20|%0[9AaDd])*+(?:(?:\\|%5[Cc])*+(?:["']|%2[27])|\}}|{_GUID}))"""
    rf"(?=(?:%[0-7][0-9a-fA-F]|[{_NO_BRACE}])*+{_LETTER})[^{{}}]*+\}})"
)
# [[ x ]]; [% x %]; [x], not that of an array or a list ("f[x]=", "[x,y]", "[[1", '[["'), nor an IPv6 address.
_ARRAY = """["'0-9]|-[0-9]|%2[27]"""
_COLON = "(?::|%3[Aa])"
_IPV6 = rf"(?:[0-9a-fA-F.]*+{_COLON}){{2}}(?:[0-9a-fA-F.]|{_COLON})*+(?:%25[^\[\]%]*+)?+\]"
_BRACKET = (
    rf"\[(?:\[(?!{_ARRAY})(?:[^\[\]]*+\]\])?+"
    rf"|%(?:5[Bb]|{_NO_ESCAPE}(?:[^\[\]%]*+%\])?+)"
    rf"|(?:(?<![a-zA-Z0-9_\]]\[)|(?<=%20\[))(?!{_IPV6}){_LETTER}"
    r"(?:(?:[^\[\],%: ]|%(?!20|2[Cc]))*+\]|(?=[^\[\]:]*+:)(?:[^\[\],%]|%(?!2[Cc]))*+\]))"
)
# ((x)), not the "((x:" of Rison and its like.
_PARENTHESES = rf"\(\({_LETTER}(?:[^():%]|%(?!3[Aa]|2[Cc]))*+\)\)"
# %%x%%, not a letter that is encoded behind a lone "%" ("%%C3%A9"); encoded openers; %name%, not "%u4E2D%"; %a name%,
# not behind a digit ("5%off or 10%off") nor where the "%" can begin an escape ("caf%E9s 5%").
_IN_NAME = r"[^\0-,/;-@\[-^`{-\x7f]"
_SPACED_NAME = (
    rf"(?<![0-9]%)(?![a-fA-F](?:[0-9]|[a-fA-F](?!{_LETTER}))){_LETTER}{_IN_NAME}*+(?:(?: |%20){_IN_NAME}++)++"
)
_PERCENT = (
    r"%(?:%(?![C-F][0-9A-F]%[89AB][0-9A-F])[a-zA-Z=_](?:[^%]*+%%)?+"
    rf"|7[Bb](?:\{{|%(?:25|7[Bb]|{_NO_ESCAPE}))"
    rf"|5[Bb](?:\[|%(?:5[Bb](?!{_ARRAY})|{_NO_ESCAPE}))"
    rf"|(?!u[0-9a-fA-F]{{4}})(?<!%[89A-Fa-f][0-9a-fA-F]%)(?:{_LETTER}{_IN_NAME}{{2,}}+|{_SPACED_NAME})%{_NO_ESCAPE})"
)
_HASHES = rf"##(?:_|{_LETTER})[^#]*+##"
# *|x|*; encoded, with its closer and without what an encoder takes too.
_STAR = r"\*(?:\|(?:[^|]*+\|\*)?+|%7[Cc](?:[!#$&'+-;=?-Z^_a-z~]|%(?!7[Cc]))*+(?:\||%7[Cc])\*)"
_DOLLAR = r"\$(?:\{|%7[Bb])(?:[^{}]*+\})?+"
DEFAULT_PLACEHOLDERS: Final = re.compile(
    f"{_TAG}|{_BRACE}|{_BRACKET}|{_PARENTHESES}|{_PERCENT}|{_HASHES}|{_STAR}|{_DOLLAR}"
)
"""What is a placeholder in a link's value: `{{ x }}`, `{% x %}`, `{x}`, `[[x]]`, `[% x %]`, `[x]`, `((x))`, `%%x%%`,
`%name%`, `%a name%`, `##name##`, `*|X|*`, `${x}` and `<…`. `{{`, `{%`, `[[`, `[%`, `%%`, `*|`, `${` and `<` need no
closer."""

OneTime = Literal["wrap", "leave"]

_HOST = re.compile(r"https?://(?:[^/?#@]*+@)?([^/?#:]*+)", re.ASCII)
_ATTRIBUTE = re.compile("[A-Za-z_:@][A-Za-z0-9_.:@-]*", re.ASCII)
_CLASS = re.compile(r"[!$-&(-\-/-;?-~]+", re.ASCII)  # no white space, quotes, "<", "=", ">", "." or "#"


class OptOut(NamedTuple):
    """Markup that opts a link out: an attribute with a value, or with any where it is None."""

    attribute: str
    """Its name in lower case."""
    value: str | None
    """The value; of `class`, one of its words."""
    any_case: bool = True
    """Whether the value counts in capitals too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPolicy:
    """Which links are wrapped, beyond what every sender wants.

    Args:
        honour: The senders whose opt-outs count, of `SENDERS` (sparkpost, sendgrid, mailgun, postmark, ses, mandrill,
            customerio, ahoy, mautic).
        opt_outs: Markup that opts a link out besides: an attribute with any value or none (`data-no-track`), an
            attribute with one value (`hstracking=false`), or a class (`.mktNoTrack`). Capitals do not matter.
        placeholders: A pattern that finds a placeholder in a link's value, in place of `DEFAULT_PLACEHOLDERS`; a
            link with a match is left alone. `placeholder_pattern` makes one that takes linear time; of a pattern of
            your own, nothing is promised. None where the mail is finished: nothing in it is a placeholder.
        one_time: "wrap", or "leave" to leave links alone that work once: to reset a password, log in, verify an
            address or accept an invitation.
        skip_hosts: Host names to which links are left alone; `*.example.com` means all names under example.com.
        destination: Called when a document is compiled, once per link, with the `Link`; returns the URL to sign in
            place of `link.url`, or None to leave the link alone. The URL is checked like any other destination. `utm`
            makes one.

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: A sender is unknown, an opt-out is none of the three forms, the pattern matches an empty text,
            `one_time` is neither value, or a host name is not valid. Either message lists all faults.
    """

    honour: Collection[str] = SENDERS
    opt_outs: Collection[str] = ()
    placeholders: re.Pattern[str] | None = DEFAULT_PLACEHOLDERS
    one_time: OneTime = "wrap"
    skip_hosts: Collection[str] = ()
    destination: Callable[[Link], str | None] | None = None

    def __post_init__(self) -> None:
        faults = Faults()
        senders = set(self.honour) if _are_names("honour", "senders", self.honour, faults) else set()
        if unknown := sorted(senders - SENDERS):
            faults.wrong_value(f"honour must be senders of {', '.join(sorted(SENDERS))}, not {', '.join(unknown)}")
        if _are_names("opt_outs", "str", self.opt_outs, faults):
            for text in self.opt_outs:
                _read_opt_out(text, faults)
        if isinstance(self.placeholders, re.Pattern) and isinstance(self.placeholders.pattern, str):
            if any(found and not found[0] for found in map(self.placeholders.search, ("", "https://acme.com/?a=1"))):
                faults.wrong_value("placeholders must match no empty text, since every link would be left alone")
        elif self.placeholders is not None:
            faults.wrong_type("placeholders", "a compiled pattern for str, or None", self.placeholders)
        if not isinstance(self.one_time, str):
            faults.wrong_type("one_time", "str", self.one_time)
        elif self.one_time not in get_args(OneTime):
            faults.wrong_value(f"one_time must be 'wrap' or 'leave', not {self.one_time!r:.80}")
        hosts = _read_hosts("skip_hosts", self.skip_hosts, faults)
        if self.destination is not None and not callable(self.destination):
            faults.wrong_type("destination", "a callable or None", self.destination)
        faults.raise_any()
        object.__setattr__(self, "honour", frozenset(self.honour))
        object.__setattr__(self, "opt_outs", frozenset(self.opt_outs))
        object.__setattr__(self, "skip_hosts", hosts)

    def skips(self, url: str) -> bool:
        """Tell whether links to the host of this destination are left alone."""
        if not isinstance(url, str):
            require_str(url=url)
        return _is_named(url, self.skip_hosts)


def opt_out_markup(policy: LinkPolicy) -> list[OptOut]:
    """Return the markup that opts a link out: that of the senders, and the policy's own."""
    named = [OptOut(*OPT_OUTS[sender], sender != "customerio") for sender in sorted(policy.honour)]
    own = (_read_opt_out(text, Faults()) for text in sorted(policy.opt_outs))
    return named + [opt_out for opt_out in own if opt_out is not None]


def _read_opt_out(text: str, faults: Faults) -> OptOut | None:
    """Return what one of `LinkPolicy.opt_outs` means; add a fault and return None where it means nothing."""
    if text.startswith("."):
        if _CLASS.fullmatch(text, 1):
            return OptOut("class", text[1:])
        faults.wrong_value(f"opt_outs: {text[:80]!r} must be a dot and the name of one class in ASCII")
        return None
    name, equals, value = text.partition("=")
    if not _ATTRIBUTE.fullmatch(name):
        forms = "an attribute ('data-no-track'), a class ('.no-track') or an attribute with a value ('tracking=off')"
        faults.wrong_value(f"opt_outs: {text[:80]!r} must be {forms}, the name of letters, digits and _.:@-")
    elif name.lower() == "href":
        faults.wrong_value("opt_outs: every link has an href, so it must be another attribute; skip_hosts names hosts")
    elif not equals:
        return OptOut(name.lower(), None)
    elif not value.strip() or value != value.strip():
        faults.wrong_value(f"opt_outs: {text[:80]!r} must have a value behind '=', without white space around it")
    elif value[0] in "\"'":
        faults.wrong_value(f"opt_outs: {text[:80]!r} must have its value without quotes")
    elif name.lower() == "class" and len(value.split()) > 1:
        faults.wrong_value(f"opt_outs: {text[:80]!r} must name one class")
    else:
        return OptOut(name.lower(), value)
    return None


def placeholder_pattern(*forms: str | tuple[str, str]) -> re.Pattern[str]:
    """Return a pattern for `LinkPolicy(placeholders=…)`; a search with it takes time linear in the text.

    Args:
        forms: What placeholders look like: a text that is one as it stands (`"UNSUB_URL"`), or what stands before and
            behind a name (`("<<", ">>")`).

    Raises:
        TypeError: A form is neither a `str` nor a pair of them.
        OptionError: There is none, or a text is empty.
    """
    faults = Faults()
    patterns = []
    for form in forms:
        texts = (form,) if isinstance(form, str) else form
        if not (isinstance(texts, tuple) and len(texts) in (1, 2) and all(isinstance(text, str) for text in texts)):
            faults.wrong_type("each form", "a str or a pair of them", form)
        elif not all(texts):
            faults.wrong_value("a form must have no empty text")
        else:
            first, last = map(re.escape, (texts[0], texts[-1]))
            # Not past the next beginning, so that no character is read twice.
            patterns.append(first if len(texts) == 1 else rf"{first}(?:(?!{first}|{last})[\s\S])*+{last}")
    if not forms:
        faults.wrong_value("there must be a form of placeholders")
    faults.raise_any()
    return re.compile("|".join(patterns))


def utm(
    *,
    source: str | None = None,
    medium: str | None = None,
    campaign: str | None = None,
    hosts: Collection[str],
    overwrite: bool = False,
) -> Callable[[Link], str]:
    """Return a `destination` for `LinkPolicy` that adds campaign parameters to links to your own hosts.

    They go into the query, before a fragment. A parameter that the URL has already is not added again. URLs with a
    signature in a parameter (`X-Amz-Signature`, `sig`, `hmac`, `token` and the like) stay as they are, since a further
    parameter can make the signature wrong.

    Args:
        source: The value of `utm_source`; None adds none.
        medium: The value of `utm_medium`.
        campaign: The value of `utm_campaign`.
        hosts: The host names whose links get them; `*.example.com` means all names under example.com.
        overwrite: Whether the values replace those that a URL has already.

    Raises:
        TypeError: An argument is of the wrong type.
        OptionError: There is no value, or no host, or a host name is not valid. Either message lists all faults.
    """
    faults = Faults()
    values = {"utm_source": source, "utm_medium": medium, "utm_campaign": campaign}
    for name, value in values.items():
        if value is not None and not isinstance(value, str):
            faults.wrong_type(name.removeprefix("utm_"), "str or None", value)
        elif value is not None and not value.strip():
            faults.wrong_value(f"{name.removeprefix('utm_')} must not be empty: None adds no parameter")
    if all(value is None for value in values.values()):
        faults.wrong_value("utm must have a source, a medium or a campaign")
    named = _read_hosts("hosts", hosts, faults)
    if isinstance(hosts, Collection) and not hosts:
        faults.wrong_value("hosts must name at least one host: others' sites can fail at unknown parameters")
    if not isinstance(overwrite, bool):
        faults.wrong_type("overwrite", "bool", overwrite)
    faults.raise_any()
    from urllib.parse import quote

    encoded = {name: quote(value, safe="", errors="replace") for name, value in values.items() if value is not None}
    return _Utm(tuple(encoded.items()), named, overwrite)


# Parameters whose value is made from the rest of the URL, in lower case: presigned and CDN URLs, API calls.
_SIGNATURES = frozenset(
    """x-amz-signature x-goog-signature x-oss-signature x-cos-signature q-signature x-obs-signature
    signature sig sign hmac mac hash digest checksum md5 verify token access_token id_token jwt auth auth_key
    oauth_signature api_sig _signature key-pair-id hdnea hdnts hdntl __token__""".split()
)


@dataclass(frozen=True, slots=True)
class _Utm:
    """What `utm` returns; a class, so that it can be pickled."""

    parameters: tuple[tuple[str, str], ...]
    """The names, and the values as they stand in a URL."""
    hosts: frozenset[str]
    overwrite: bool

    def __call__(self, link: Link) -> str:
        """Return the link's destination with the parameters."""
        url = link.url
        if url is None:
            return link.href
        if not _is_named(url, self.hosts):
            return url
        whole, hash_sign, fragment = url.partition("#")
        path, _, query = whole.partition("?")
        pairs = query.split("&") if query else []
        names = [_parameter_name(pair) for pair in pairs]
        if not _SIGNATURES.isdisjoint(names):
            return url
        for name, value in self.parameters:
            if name not in names:
                pairs.append(f"{name}={value}")
                names.append(name)
            elif self.overwrite:
                first = names.index(name)
                kept = [at for at, other in enumerate(names) if other != name or at == first]
                pairs = [f"{name}={value}" if at == first else pairs[at] for at in kept]
                names = [names[at] for at in kept]
        return f"{path}?{'&'.join(pairs)}{hash_sign}{fragment}"


def _parameter_name(pair: str) -> str:
    name = pair.partition("=")[0]
    if "%" in name or "+" in name:
        from urllib.parse import unquote_plus

        name = unquote_plus(name)
    return name.strip().lower()


def _read_hosts(option: str, hosts: Collection[str], faults: Faults) -> frozenset[str]:
    """Return host names in the one form in which `_is_named` compares them; add what is wrong with them."""
    names: set[str] = set()
    if not _are_names(option, "host names", hosts, faults):
        return frozenset()
    for host in hosts:
        wildcard, name = ("*.", host[2:]) if host.startswith("*.") else ("", host)
        try:
            names.add(wildcard + host_name(name))
        except ValueError as error:
            faults.wrong_value(f"{option}: {error}")
    return frozenset(names)


def _is_named(url: str, hosts: Collection[str]) -> bool:
    """Tell whether the host of a destination is one of these."""
    match = _HOST.match(url)
    host = match[1].removesuffix(".") if match else ""
    if host in hosts:
        return True
    labels = host.split(".")
    return any("*." + ".".join(labels[first:]) in hosts for first in range(1, len(labels)))


def _are_names(name: str, kind: str, value: object, faults: Faults) -> bool:
    """Return whether an argument is a collection of strings; add a fault if not."""
    if not isinstance(value, Collection) or isinstance(value, str | bytes):
        faults.wrong_type(name, f"a collection of {kind}", value)
        return False
    others = [item for item in value if not isinstance(item, str)]
    if others:
        faults.wrong_type(f"each of {name}", "str", others[0])
    return not others
