"""Links that work once, told by their URL: to reset a password, log in, verify an address or accept an invitation.

Such a link has a word for that purpose, as a path segment or a parameter's name, and a secret: at least 16 characters
that look random, at a place that belongs to the word. Whoever reads an event must not be able to use the link, so
events have `event_url`. All functions take time linear in their input.
"""

import re

# A link with one of these can hold its secret anywhere behind it, or in any parameter.
_PURPOSES = """
    reset resets resetting password passwords passwd passwordless recover onetime otp oob oobcode passcode verify
    verification verifications confirm confirmation confirmations activate activation activations invite invites
    invitation invitations accountrecovery recoverycode recoveryemail recoverykey magicauth magiccode magiclogin
    magicurl maillogin emaillogin emailsignin loginbyemail loginviaemail loginwithemail signinwithemail
    enrollaccount autologin""".split()
_PURPOSES += [kind + of for kind in "access auth email login magic recovery signin".split() for of in ("link", "token")]
# A link with one of these has it directly behind it, or in a parameter named for it: pages and articles have them too.
_PAGES = "login logon signin signup sso magic recovery welcome".split()
# A segment or a name with any other word, such as "password-policy", is not read.
_OTHERS = """
    accept access account accounts action actions address admin api app asp aspx auth authenticate authentication auto
    begin by callback change check clerk client code codes complete create customer device do double edit email
    emails end enroll enrollment expired finish for forget forgot forgotten form from handle handler hash html
    id jsp key keys link links lost mail member members my new newsletter optin org organization php phone
    process redirect refresh register registration request required send session set shared signature special
    start subscribe subscription team the ticket token tokens unlock update url user users validate via view
    with workspace wp your""".split()
_NO_WORD, _OTHER, _ON_PAGE, _FOR_PURPOSE = range(4)
_WORDS = dict.fromkeys(_OTHERS, _OTHER) | dict.fromkeys(_PAGES, _ON_PAGE) | dict.fromkeys(_PURPOSES, _FOR_PURPOSE)
_LONGEST_WORD = max(map(len, _WORDS))
_LONGEST_NAME = 64
# Each word but the others has one of these in it once "-" and "_" are gone.
_STEMS = """reset pass recover magic login logon signin signup sso otp onetime oob token verif confirm activat invit
    welcome clerk emaillink accesslink authlink enroll""".split()
_SEPARATORS = re.compile("[^a-z0-9]++")

# Names of parameters, without separators: of secrets,
_SECRETS = frozenset("auth c data h jwt k otp s sig sso t".split())
_SECRETS_END = ("code", "hash", "key", "secret", "signature", "ticket", "token")
# of codes that are digits, which have one of these at either end,
_CODES_BEGIN = tuple("activat confirm login magic onetime oob otp recovery reset signin verif".split())
_CODES_END = ("code", "otp", "pin")
# and of what is to be done.
_ACTIONS = frozenset("a act action cmd controller do m mode op option page r route step task type".split())
# With separators: what campaigns, ad networks and senders' tracking add to any link, and what any request of OAuth 2.0
# has (RFC 6749).
_NEVER_SECRET = frozenset(
    """gclid gclsrc gbraid wbraid dclid gad_source gad_campaignid srsltid _ga _gl fbclid igsh igshid msclkid s_kwcid
    ef_id yclid ymclid ysclid _openstat twclid ttclid li_fat_id trk rdt_cid epik irclickid cjevent tblci dicbo
    clickid click_id rb_clickid s_cid sc_cid sc_eh sc_uid awclid hsctatracking mkt_tok _kx _ke __s ml_subscriber
    ml_subscriber_hash dm_i et_rid sfmc_id sfmc_activityid elqtrack elqtrackid ss_email_id vgo_ee wickedid spm
    content-id campaign campaign_id source ref ref_ ref_src referrer client_id state nonce""".split()
)
_NEVER_SECRET_BEGIN = tuple(
    "utm_ hsa_ mtm_ matomo_ pk_ piwik_ mc_ vero_ oly_ oft_ bsft_ fb_ pf_rd_ pd_rd_ _hs __hs".split()
)

_AUTHORITY = re.compile(r"[a-z]++://[^/?#]*+", re.ASCII)
_USER = re.compile(r"\A([a-z]++://)(?:[^/?#@]*+@)++", re.ASCII)
_SEGMENT = re.compile("[^/;]++")
_PARAMETER = re.compile("[^&;]++")
_NESTED = re.compile("https?(?::|%3A)(?:/|%2F){2}|!?/", re.IGNORECASE)
_DEEPEST = 3  # URLs in one another that are read


def _user_in(level: int) -> str:
    """Return a pattern for the user before the host of a URL in another; its group ends before the user.

    Args:
        level: How often the URL is percent-encoded. What is encoded more often is a part of the user.
    """

    def forms(characters: str, level: int) -> str:
        codes = "|".join(f"{ord(character):02X}" for character in characters)
        return f"[{characters}]|%(?:25){{0,{level - 1}}}(?:{codes})" if level else f"[{characters}]"

    def user(level: int) -> str:
        return f"(?:(?:(?!{forms('/?#&@', level)})[!-~])*+(?:{forms('@', level)}))++"

    slash = f"(?:{forms('/', level)})"
    exactly = "%" + "25" * (level - 1)
    if level:
        return f"((?:{exactly}3[AD]{slash}|[:=]{exactly}2F){slash}){user(level)}"
    # Without a scheme behind "="; in a path servers make one slash of two; some encoders leave ":" and "/" alone.
    return f"([:=]//|https?:/(?!/))(?:{user(0)}(?:{user(1)})?+|{user(1)})(?!/)"


_NESTED_USER = "|".join(map(_user_in, range(_DEEPEST + 1)))  # compiled where one may be, as that takes 2 ms
_ESCAPE = re.compile("%([0-9a-fA-F]{2})", re.ASCII)
_VALUE = re.compile("[A-Za-z0-9_.~+/-]++", re.ASCII)
_PIECE = re.compile("[A-Za-z0-9]++", re.ASCII)
# What a word, a number or an acronym is in text of several of them; random text falls into short ones.
_RUN = re.compile("[A-Z]?[a-z]++|[A-Z]++|[0-9]++", re.ASCII)
_HEX = re.compile("(?=[0-9]*+[a-f])(?=[a-f]*+[0-9])[0-9a-f]++", re.ASCII)
_UUID = re.compile("[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_ON_CHAIN = re.compile("0x[0-9a-f]++", re.ASCII | re.IGNORECASE)  # an address or a hash that everybody can look up

_LEAST_DIGITS = 4  # of a code in a parameter that is named for one
_LEAST = 16
_PER_SEPARATOR = 6  # characters for each "-" or "_", of which base64url has one in 32, and words more
_SHARE = 0.75  # of the characters of a value
_PIECE_LEAST = 5  # a shorter piece between two hyphens says nothing
# Mean characters of a run of random text; words, numbers and dates have longer ones. "2026Nov30" has 3.
_LONGEST_RUN = 3.2
_LONGEST_RUN_OF_FEW = 2.6  # in a piece of fewer than 16 characters
_LETTERS_LEAST = 20  # of letters alone, fewer can be an odd word
_VOWELS = 0.28  # among random letters 0.23 are vowels, in words some 0.38


def is_one_time(url: str) -> bool:
    """Tell whether a destination looks like a link that works once."""
    return _end_for_events(url) is not None


def event_url(url: str) -> str:
    """Return a destination as an event may have it.

    No event has a user and a password, of the destination or of a URL in it. That of a one-time link ends before its
    query, before its fragment and before the first path segment behind the word; a secret before the word ends it too.
    """
    shown = url[: _end_for_events(url)]
    if "@" in shown or ("%" in shown and "40" in shown):
        shown = _USER.sub(r"\1", shown)
        shown = re.sub(_NESTED_USER, lambda found: found[found.lastindex or 0], shown, flags=re.ASCII | re.IGNORECASE)
    return shown


def _end_for_events(url: str, depth: int = 0) -> int | None:
    """Return how many characters of a one-time link an event may have; None for other links.

    Args:
        url: A URL, with or without scheme and host.
        depth: How many URLs this one is in.
    """
    if depth > _DEEPEST or not _may_have_word(url):
        return None
    before_fragment, _, fragment = url.partition("#")
    path = before_fragment.partition("?")[0]
    authority = _AUTHORITY.match(path)
    start = authority.end() if authority else 0
    parameters = _PARAMETER.findall(before_fragment, len(path) + 1)
    found, strongest, end = False, _NO_WORD, len(path)
    reached = False  # a word stands directly before
    before = False  # a secret stands directly before
    for segment in _SEGMENT.finditer(path, start):
        text = _decoded(segment[0])
        word = _word_in(text)
        if word == _NO_WORD:
            parameter = "=" in text.rstrip("=")
            nested = not parameter and _is_nested(text, depth)
            secret = nested or _looks_secret(text, digits=reached)
            if secret or parameter or strongest >= _ON_PAGE:
                end = min(end, segment.start())
            if parameter:
                parameters.append(segment[0])
            elif nested or (secret and (reached or strongest == _FOR_PURPOSE)):
                found = True
            reached = reached and text.isdigit()
            before = secret and not parameter
        else:
            found = found or (before and word >= _ON_PAGE)
            reached = reached or word >= _ON_PAGE
            before = False
        strongest = max(strongest, word)
    if _NESTED.match(fragment):
        found = found or _end_for_events(fragment, depth + 1) is not None
    else:
        parameters += _PARAMETER.findall(fragment)
    return end if found or _have_secret(parameters, strongest, depth) else None


def _have_secret(parameters: list[str], word: int, depth: int) -> bool:
    """Tell whether there is the secret of a one-time link among the parameters of a URL whose path has such a word."""
    any_secret = named_secret = False
    for parameter in parameters:
        text = _decoded(parameter)
        name, equals, value = text.partition("=")
        if not equals or _NESTED.match(text):
            name, value = "", text
            word = max(word, _word_in(text))
        if _is_nested(value, depth):
            return True
        if name.lower() in _NEVER_SECRET or name.lower().startswith(_NEVER_SECRET_BEGIN):
            continue
        key = _SEPARATORS.sub("", name[:_LONGEST_NAME].lower())
        word_in_name = _word_in(name)
        own = word_in_name >= _ON_PAGE or (word_in_name == _OTHER and ("token" in key or key == "clerkticket"))
        named = own or key in _SECRETS or key.endswith(_SECRETS_END)
        if key in _ACTIONS:
            word = max(word, _word_in(value))
        if (
            value.isdigit()
            and len(value) >= _LEAST_DIGITS
            and key.startswith(_CODES_BEGIN)
            and key.endswith(_CODES_END)
        ):
            return True
        if (named or not _NESTED.match(value)) and _looks_secret(value, digits=named):
            if own:
                return True
            any_secret = True
            named_secret = named_secret or named
    return (any_secret and word == _FOR_PURPOSE) or (named_secret and word == _ON_PAGE)


def _is_nested(value: str, depth: int) -> bool:
    """Tell whether a value is a URL that is a one-time link."""
    return _NESTED.match(value) is not None and _end_for_events(value, depth + 1) is not None


def _decoded(text: str) -> str:
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), text) if "%" in text else text


def _may_have_word(text: str) -> bool:
    text = text.lower().replace("-", "").replace("_", "")
    # Most destinations end here: faster than a pattern, `any` and `map`.
    for stem in _STEMS:  # noqa: SIM110
        if stem in text:
            return True
    return False


def _word_in(name: str) -> int:
    """Return the strongest word of a name that has nothing but words."""
    text = _SEPARATORS.sub("", name.lower()) if len(name) <= _LONGEST_NAME and "=" not in name else ""
    strongest, start = _NO_WORD, 0
    while start < len(text):
        for end in range(min(start + _LONGEST_WORD, len(text)), start, -1):
            if word := _WORDS.get(text[start:end]):
                strongest, start = max(strongest, word), end
                break
        else:
            return _NO_WORD
    return strongest


def _looks_secret(text: str, *, digits: bool) -> bool:
    """Tell whether a value looks random.

    Args:
        text: The value.
        digits: Whether digits alone count: where they stand, a secret is likely.
    """
    if len(text) < _LEAST:
        return False
    return (digits and text.isdigit()) or any(_is_random_value(value) for value in _VALUE.findall(text))


def _is_random_value(value: str) -> bool:
    if len(value) < _LEAST or _ON_CHAIN.fullmatch(value):
        return False
    if _UUID.search(value):
        return True
    pieces = _PIECE.findall(value)
    length = sum(map(len, pieces))
    if len(pieces) <= 1 + length / _PER_SEPARATOR and length < _LONGEST_RUN_OF_FEW * sum(map(_runs, pieces)):
        return True
    random = [len(piece) for piece in pieces if len(piece) >= _PIECE_LEAST and _is_random_piece(piece)]
    return max(random, default=0) >= _LEAST or sum(random) >= _SHARE * length


def _runs(piece: str) -> int:
    return len(_RUN.findall(piece))


def _is_random_piece(piece: str) -> bool:
    if piece.isdigit():
        return False
    many = len(piece) >= _LEAST
    if many and _HEX.fullmatch(piece.lower()):
        return True
    runs = _runs(piece)
    if runs > 1 and len(piece) < (_LONGEST_RUN if many else _LONGEST_RUN_OF_FEW) * runs:
        return True
    letters = sum(map(str.isalpha, piece))
    least = _LETTERS_LEAST if letters == len(piece) else _LEAST
    vowels = sum(map(piece.lower().count, "aeiouy"))
    return len(piece) >= least and 2 * letters > len(piece) and vowels < _VOWELS * letters
