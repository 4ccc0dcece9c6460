"""What clients, people and strangers put behind a redirect URL: what is ignored, and what makes it another path."""

LONGEST = 512
"""Characters of a rest that is ignored, percent-decoded."""

# Real ones first: brackets and punctuation of the text around, markup, parameters of mail clients and social networks.
_REAL = [
    *(
        ")",
        "%29",
        ").",
        "),",
        ".",
        "...",
        "]",
        "%5D",
        ">",
        "%3E",
        "&gt;",
        '"',
        "%22",
        "'",
        "*",
        "!",
        ",",
        ":",
        "|",
        "~",
    ),
    *(
        "&source=gmail&ust=1",
        "&source=gmail-imap&ust=1764000000&usg=AOvVaw0x",
        "&sa=D",
        "&utm_source=x",
        "=",
        "==",
        "%3D",
    ),
    *("%20", "%20http://evil.example/", "%0D%0ASet-Cookie:%20a=b", "%00", "%3Fu=https://evil.example/", "%23top", "@x"),
    *(
        ")/../../etc/passwd",
        ").css",
        ".js",
        "%E2%80%9D",
        "%C2%A0",
        "%EF%BB%BF",
        "%",
        "%zz",
        "%4",
        "%u0041",
        "%25",
        "%2541",
    ),
    *("%25252541", "%252e", "+", "$", "[link]", "{x}", "<b>", "\\", "^", "`"),
]
_OTHERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-/;"
IGNORED = [
    "/",
    "%2F",
    *_REAL,
    *(f"%{byte:02X}x/y;z&=1" for byte in range(256) if byte not in _OTHERS),
    ")" * LONGEST,
    "%29" * LONGEST,
    "&" + "/" * (LONGEST - 1),
]
"""Rests that are ignored; none holds a raw "?" or "#"."""

REFUSED = [
    *("//", "/x", "/x.css", "/.css", "/)", "/;", "/%00", "/..%2F", "%2F/", "%2Fx", "%2fx", "%2F%2F"),
    *(";", ";x", "%3B", "%3Bx", "%3bx.css", ";jsessionid=1"),
    *("%252Fx", "%252F", "%253Bx", "%25252fx"),
    *(f"{character})" for character in "aAzZ09-_"),
    *(f"%{ord(character):02x})" for character in "aAzZ09-_"),
    ")" * (LONGEST + 1),
    "%29" * (LONGEST + 1),
    "&" + "x" * LONGEST,
]
"""Rests that are not: the URL is another one."""

assert len(set(IGNORED)) >= 200
