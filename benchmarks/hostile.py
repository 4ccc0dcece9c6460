"""Hostile input: documents that a scanner of markup could spend quadratic time or a lot of memory on.

Each case makes a document for a size `n`; twice the size gives twice the document. What repeats is what a careless
scanner looks at again, from each place where it repeats, up to the end of the document.
"""

from collections.abc import Callable

Case = Callable[[int], str | bytes]


def _repeated(unit: str, head: str = "", tail: str = "") -> Case:
    return lambda n: head + unit * n + tail


def _numbered(unit: str) -> Case:
    return lambda n: "".join([unit.format(number) for number in range(n)])


def _halves(first: str, second: str, middle: str = "", tail: str = "") -> Case:
    return lambda n: first * (n // 2) + middle + second * (n // 2) + tail


def _encoded(case: Case, encoding: str) -> Case:
    def make(n: int) -> bytes:
        text = case(n)
        assert isinstance(text, str)
        return text.encode(encoding)

    return make


def _bytes(unit: bytes, head: bytes = b"", tail: bytes = b"") -> Case:
    return lambda n: head + unit * n + tail


_TAGS = {
    "unclosed tags": _repeated("<a "),
    "unclosed tags, ended once": _repeated("<a ", tail=">"),
    "unclosed tags of no interest": _repeated("<p "),
    "unclosed end tags": _repeated("</a "),
    "unclosed end tags, slashes": _repeated("</a/"),
    'unclosed <a href=">': _repeated('<a href="'),
    "unclosed <a href='": _repeated("<a href='"),
    "unclosed <a href=": _repeated("<a href="),
    "unclosed <a href=x": _repeated("<a href=x "),
    "unclosed <a href": _repeated("<a href "),
    "unclosed <img src=": _repeated("<img src=", head="/q/"),
    "double quotes": _repeated('<a "'),
    "single quotes": _repeated("<p a='"),
    "alternating quotes": _repeated("<p a=\"'"),
    "quotes, never closed": _repeated("<a href=\"x'>", head="<a href='"),
    "quotes in names": _repeated('<a"\'">'),
    "a million <": _repeated("<"),
    "<!": _repeated("<!"),
    "</": _repeated("</"),
    "<?": _repeated("<?"),
    "<>": _repeated("<>"),
    "</>": _repeated("</>"),
    "</ >": _repeated("</ >"),
    "< and letters": _repeated("<a"),
    "<a<": _repeated("<a<", tail=">"),
    "=": _repeated("=", head="<a ", tail=">"),
    "/": _repeated("/", head="<a ", tail=">"),
    "spaces in a tag": _repeated(" ", head="<a href", tail="=x>"),
    "spaces and slashes": _repeated(" /", head="<a", tail=" href=x>"),
    "spaces behind each name": _repeated("x  ", head="<a ", tail="href=x>"),
    "long tag name": _repeated("v", head="<v:", tail=" href=http://a.b/>"),
    "<v: unclosed": _repeated("<v:"),
    "<v:x> without href": _repeated("<v:x>"),
    "<a> without href": _repeated("<a>"),
    "<a name>": _repeated("<a name=x>"),
    "<hr <hr": _repeated("<hr<hr "),
    "NUL": _repeated("<a\0 href=\0>"),
    "NUL between": _repeated("\0", head="<a href='", tail="'>"),
    "doctypes": _repeated("<!doctype html>"),
    "doctypes unclosed": _repeated("<!doctype "),
    "processing instructions": _repeated("<?xml >"),
}

_COMMENTS = {
    "unclosed comments": _repeated("<!--"),
    "unclosed comments, closed once": _repeated("<!--", tail="-->"),
    "comments that may be short": _repeated("<!--->"),
    "<!--> run": _repeated("<!-->"),
    "<!- run": _repeated("<!-"),
    "--!> run": _repeated("--!>"),
    "--!> run in a comment": _repeated("--!>", head="<!-- "),
    "--! run in a comment": _repeated("--!", head="<!--"),
    "-- run in a comment": _repeated("--", head="<!--"),
    "-- run in a comment, closed": _repeated("--", head="<!--", tail=">"),
    "- - in a comment": _repeated("- -", head="<!--"),
    "-> run in a comment": _repeated("->", head="<!-- "),
    "closed comments": _repeated("<!-- -->"),
    "comments with links": _repeated("<!-- <a href=x> -->"),
    "comments with --!>": _repeated("<!-- <a href=x> --!>"),
}

_CONDITIONALS = {
    "nested conditionals": _repeated("<!--[if mso]>"),
    "nested conditionals, closed once": _repeated("<!--[if mso]>", tail="<![endif]-->"),
    "nested conditionals, closed as often": _halves("<!--[if mso]>", "<![endif]-->"),
    "nested conditionals with links": _repeated("<!--[if mso]><a href=http://a.b/>"),
    "nested conditionals with links, closed once": _repeated("<!--[if mso]><a href=http://a.b/>", tail="-->"),
    "conditionals with a link": _repeated("<!--[if mso]><a href=x><![endif]-->"),
    "conditionals with an open tag": _repeated("<!--[if mso]><a href=x -->"),
    "conditionals with an open quote": _repeated("<!--[if mso]><a href='-->"),
    "conditionals with an open style": _repeated("<!--[if mso]><style>-->"),
    "conditionals with an open comment": _repeated("<!--[if mso]><!-- <a href=x>-->"),
    "conditionals with svg": _repeated("<!--[if mso]><a href=x><svg><title><a href=x><![endif]-->"),
    "conditionals with svg inside svg": _repeated("<svg><!--[if mso]><svg><a href=x><![endif]-->"),
    "nested conditionals, then svg": _repeated("<!--[if mso]><a href=x>", tail="<svg><a href=x>-->"),
    "conditionals, unclosed -": _repeated("<!--[if mso]><a - -- -"),
    "<!--[if": _repeated("<!--[if"),
    "<!--[if and space": _repeated("<!--[if "),
    "<!--[if in a conditional": _repeated("<!--[if ", head="<!--[if mso]>", tail="-->"),
    "<!--[if closed": _repeated("<!--[if-->"),
    "<!--[if mso without ]": _repeated("<!--[if mso>"),
    "<!--[if mso] without >": _repeated("<!--[if mso]"),
    "<!--[if (a)|(b)]>": _repeated("<!--[if (gte mso 9)|(IE)]><a href=x>-->"),
    "<!--[if !mso]><!-->": _repeated("<!--[if !mso]><!--><a href=x><!--<![endif]-->"),
    "<![if !mso]>": _repeated("<![if !mso]><a href=x><![endif]>"),
    "<![if without >": _repeated("<![if !mso"),
    "long condition": _repeated("(", head="<!--[if ", tail="]><a href=x>-->"),
}

_RAW_TEXT = {
    "double escaped scripts": _repeated("<script><!--<script>"),
    "escaped scripts": _repeated("<script><!--"),
    "escaped scripts, closed": _repeated("<script><!--<script></script></script>"),
    "<!-- in a script": _repeated("<!--", head="<script>"),
    "<!--> in a script": _repeated("<!-->", head="<script>", tail="</script>"),
    "<!--<script> in a script": _repeated("<!--<script>--></script", head="<script>"),
    "<script></script without >": _repeated("<script></script"),
    "<script></script and space": _repeated("<script></script "),
    "</scrip in a script": _repeated("</scrip", head="<script>", tail="</script>"),
    "<style></styl": _repeated("<style></styl"),
    "<style></style without >": _repeated("<style></style"),
    "<style></style and space": _repeated("<style></style "),
    "<style></style x=": _repeated("</style x='", head="<style>"),
    "<style> unclosed": _repeated("<style>"),
    "styles": _repeated("<style></style>"),
    "<title> unclosed": _repeated("<title>"),
    "<title></titl": _repeated("<title></titl"),
    "<textarea></textarea": _repeated("<textarea></textarea"),
    "<textarea> unclosed": _repeated("<textarea>"),
    "<xmp></xmp/": _repeated("<xmp></xmp/"),
    "<iframe><noframes>": _repeated("<iframe><noframes></iframe>"),
    "<noscript>": _repeated("<noscript><style></noscript>"),
    "<plaintext>": _repeated("<plaintext>"),
}

_FOREIGN = {
    "svg: end tags that match nothing": _halves("<svg><g>", "</x>"),
    "svg: nested": _repeated("<svg>"),
    "svg: nested, closed": _halves("<svg>", "</svg>"),
    "svg: side by side": _repeated("<svg></svg>"),
    "svg: behind many links": _repeated("<a href=http://a.b/>", tail="<svg>"),
    "svg: links in it": _repeated("<a href=http://a.b/>", head="<svg>"),
    "svg: integration points": _repeated("<svg><foreignObject><div>"),
    "svg: integration points, end tags": _halves("<svg><foreignObject><div>", "</b>"),
    "svg: integration points, closed inside out": _halves("<svg><foreignObject><div>", "</svg>"),
    "svg: end tags of the elements around it": _halves("<div>", "</b>", middle="<svg>"),
    "svg: end tags of the elements around it, open": _halves("<div>", "</div>", middle="<svg><foreignObject>"),
    "svg: end tags of formatting": _halves("<b><div>", "</b>", middle="<svg>"),
    "svg: headings": _halves("<h1><h2>", "</h3></h1>", middle="<svg>"),
    "svg: tables": _halves("<table><tr><td>", "</table>", middle="<svg>"),
    "svg: table parts": _halves("<table><tr><td>", "<svg><desc><tr>", middle="<svg>"),
    "svg: what breaks out": _repeated("<svg><g><p>"),
    "svg: what breaks out, deep": _halves("<svg><g>", "<p>"),
    "svg: fonts": _repeated("<font x y z>", head="<svg>"),
    "svg: font with many attributes": _repeated("x ", head="<svg><font ", tail=">"),
    "svg: </p> and </br>": _repeated("</p></br>", head="<svg><g>"),
    "svg: select": _repeated("<select><svg></select>"),
    "svg: CDATA unclosed": _repeated("<![CDATA[", head="<svg>"),
    "svg: CDATA closed once": _repeated("<![CDATA[", head="<svg>", tail="]]>"),
    "svg: CDATA": _repeated("<![CDATA[<a href=x>]]>", head="<svg>"),
    "svg: ]]> run": _repeated("]]>", head="<svg>"),
    "svg: ]] run in CDATA": _repeated("]]", head="<svg><![CDATA["),
    "svg: styles": _repeated("<style><a href=x></style>", head="<svg>"),
    "svg: titles": _repeated("<title><style></title>", head="<svg>"),
    "svg: comments": _repeated("<!-- -->", head="<svg>"),
    "svg: conditionals": _repeated("<!--[if mso]><a href=x><![endif]-->", head="<svg>"),
    "svg: <": _repeated("<", head="<svg>"),
    "svg: unclosed tags": _repeated("<a ", head="<svg>"),
    "math: text integration points": _repeated("<math><mi>"),
    "math: text integration points, closed": _halves("<math><mi>", "</math>"),
    "math: annotations": _repeated("<math><annotation-xml encoding=text/html>"),
    "math: svg in annotations": _repeated("<math><annotation-xml><svg>"),
    "math: and svg": _repeated("<math><svg><desc>", tail="</x>"),
}

_LINKS = {
    "tiny links": _repeated("<a href=x>"),
    "tiny links, one URL": _repeated("<a href=http://a.b>"),
    "tiny links, other URLs": _numbered("<a href=http://a.b/{}>"),
    "tiny links, other references": _numbered("<a href=?{}>"),
    "tiny links, base": _repeated("<a href=x>", head="<base href=http://a.b/>"),
    "tiny links, base, other references": lambda n: "<base href=http://a.b/>" + _numbered("<a href=?{}>")(n),
    "fragments": _repeated("<a href=#>"),
    "empty links": _repeated("<a href>"),
    "links, not ASCII": _numbered("<a href=http://é.com/é?{}>"),
    "links, one wide character": _repeated("<a href=http://a.b>", tail="😀"),
    "<base>": _repeated("<base href=http://a.b/>"),
    "<base> without href": _repeated("<base x>"),
    "many hrefs in a tag": _repeated("href=http://a.b/ ", head="<a ", tail=">"),
    "attributes": _repeated("x ", head="<a ", tail="href=http://a.b/>"),
    "attributes behind": _repeated(" x", head="<a href=http://a.b/", tail=">"),
    "attributes with values": _numbered("<a a{}=x b='y' c=\"z\" href=http://a.b/>"),
    "attributes, all different": lambda n: "<a data-msys-x " + _numbered("a{} ")(n) + "href=http://a.b/>",
    "attributes without href": _repeated("x ", head="<a ", tail=">"),
    "attributes, unclosed": _repeated("x=y ", head="<a href=http://a.b/ "),
    "link names in a tag": _repeated("data-msys-linkname=x ", head="<a href=http://a.b/ ", tail=">"),
    "link names, a tag each": _repeated("<a href=http://a.b/ data-msys-linkname=x>"),
    "link names, spaces before": _repeated(" ", head="<a href=http://a.b/", tail="data-msys-linkname=x>"),
    "long link name": _repeated("é", head="<a href=http://a.b/ data-msys-linkname=", tail=">"),
    "long sublink": _repeated("s", head="<a href=http://a.b/ data-msys-sublink=", tail=">"),
    "long class": _repeated("untrack ", head='<a href=http://a.b/ class="', tail='">'),
    "long class, references": _repeated("untrack&#101; ", head='<a href=http://a.b/ class="', tail='">'),
    "classes with references, a tag each": _repeated("<a href=http://a.b/ class=untrack&#101;d>"),
    "data-msys- without end": _repeated("data-msys-", head="<a href=http://a.b/ ", tail=">"),
    "opted out": _repeated("<a clicktracking=off href=http://a.b/>"),
    "bad sublinks": _repeated("<a href=http://a.b/ data-msys-sublink=%>"),
    "already wrapped, forged": _repeated("<a href=http://a.b/f/a/2AAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA>"),
    "already wrapped, forged and long": lambda n: ("<a href=http://a.b/f/a/2" + "A" * 3900 + ".A.A>") * (n // 400),
    "pixels, forged": _repeated("<img src=http://a.b/q/2AAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA>"),
    "images": _repeated("<img src=x>", head="/q/"),
    "</body>": _repeated("</body>"),
    "<body>": _repeated("<body>"),
    "<body unclosed": _repeated("<body "),
    "</html unclosed": _repeated("</html "),
}

_VALUES = {
    "&aaaa…": _repeated("a", head="<a href='http://a.b/&", tail="'>"),
    "&aaaa… many": _repeated("&aaaaaaaaaaaa", head="<a href='http://a.b/", tail="'>"),
    "& run": _repeated("&", head="<a href='", tail="'>"),
    "&amp; run": _repeated("&amp;", head="<a href='", tail="'>"),
    "&amp run": _repeated("&amp", head="<a href='", tail="'>"),
    "&lt; run": _repeated("&lt;", head="<a href='http://a.b/", tail="'>"),
    "&CounterClockwiseContourIntegral run": _repeated("&CounterClockwiseContourIntegra", head="<a href='", tail="'>"),
    "&#111…": _repeated("1", head="<a href='http://a.b/&#", tail="'>"),
    "&#000…": _repeated("0", head="<a href='http://a.b/&#", tail="'>"),
    "&#xfff…": _repeated("f", head="<a href='http://a.b/&#x", tail="'>"),
    "&# run": _repeated("&#", head="<a href='", tail="'>"),
    "&#x run": _repeated("&#x", head="<a href='", tail="'>"),
    "&#1 run": _repeated("&#1", head="<a href='", tail="'>"),
    "references, a link each": _repeated("<a href=http://a.b/&lt;&#111111111111;&aaaaaaa>"),
    "%% run": _repeated("%%", head="<a href='http://a.b/", tail="'>"),
    "%%%A run": _repeated("%%%A", head="<a href='http://a.b/", tail="'>"),
    "{{ run": _repeated("{{", head="<a href='http://a.b/", tail="'>"),
    "{ run": _repeated("{ ", head="<a href='http://a.b/", tail="'>"),
    "placeholders, a link each": _repeated("<a href={{x}}>"),
    "*| run": _repeated("*|", head="<a href='", tail="'>"),
    "[[ run": _repeated("[[", head="<a href='", tail="'>"),
    "long path": _repeated("a", head="<a href='http://a.b/", tail="'>"),
    "long path, slashes": _repeated("/", head="<a href='http://a.b", tail="'>"),
    "long path, dots": _repeated("../", head="<a href='http://a.b/", tail="'>"),
    "long query, spaces": _repeated(" ", head="<a href='http://a.b/?", tail="'>"),
    "long query, not ASCII": _repeated("é", head="<a href='http://a.b/?", tail="'>"),
    "long query, sharp signs": _repeated("#?", head="<a href='http://a.b/", tail="'>"),
    "long host": _repeated("a.", head="<a href='http://", tail="b'>"),
    "long host, one label": _repeated("a", head="<a href='http://", tail="'>"),
    "long host, hyphens": _repeated("a-", head="<a href='http://", tail="'>"),
    "long host, not ASCII": _repeated("é", head="<a href='http://", tail="'>"),
    "long user": _repeated("@", head="<a href='http://", tail="a.b'>"),
    "long scheme": _repeated("a", head="<a href='", tail=":b'>"),
    "long white space": _repeated("\t \n", head="<a href='", tail="http://a.b'>"),
    "long carriage returns": _repeated("\r", head="<a href='", tail="http://a.b'>"),
    "hosts, not ASCII, a link each": lambda n: f"<a href=http://{'é' * 60}.b/>" * (n // 8),
    "hosts, not ASCII and as long as may be, other ones": lambda n: "".join(
        [f"<a href=http://{'éß' * 4000}{number}>" for number in range(n // 1000)]
    ),
    "hosts, many labels, other ones": lambda n: "".join(
        [f"<a href=http://{'é.' * 4000}{number}>" for number in range(n // 1000)]
    ),
    "paths as long as may be, other ones": lambda n: "".join(
        [f"<a href=http://a.b/{'a' * 4000}{number}>" for number in range(n // 400)]
    ),
    "paths over the limit, other ones": lambda n: "".join(
        [f"<a href=http://a.b/{'|' * 16000}{number}>" for number in range(n // 1600)]
    ),
    "dot segments as many as may be, other ones": lambda n: "".join(
        [f"<a href=http://a.b/{'a/' * 2600}{'../' * 2600}{number}>" for number in range(n // 1300)]
    ),
}

_BYTES = {
    "UTF-16 with a BOM: unclosed tags": _encoded(_repeated("<a href='"), "utf-16"),
    "UTF-16: links": _encoded(_repeated("<a href=http://a.b/é>"), "utf-16-le"),
    "UTF-16 big-endian: links": _encoded(_repeated("<a href=http://a.b/é>"), "utf-16-be"),
    "UTF-16: odd": _bytes(b"<\0", head=b"\xff\xfe", tail=b"<"),
    "UTF-16: surrogates": _bytes(b"\x3d\xd8", head=b"\xff\xfe<\0a\0 \0h\0r\0e\0f\0=\0"),
    "NUL bytes": _bytes(b"\0"),
    "NUL bytes, then a tag": _bytes(b"\0", tail=b"<\0a\0"),
    "ISO-2022-JP: escape sequences": _bytes(b"\x1b$B", tail=b"<a href=x>"),
    "ISO-2022-JP: open and closed": _bytes(b"\x1b$B<a\x1b(B<a href=http://a.b/>"),
    "ISO-2022-JP: never closed": _bytes(b"\x1b$B<a href=x>"),
    "ISO-2022-JP: escapes without end": _bytes(b"\x1b", head=b"\x1b$B"),
    "ISO-2022-JP: values": _bytes(b"<a href=http://a.b/\x1b$B0!\x1b(B>"),
    "ISO-2022-KR: shifts": _bytes(b"\x0e<a href=x>", head=b"\x1b$)C"),
    "HZ: shifts": _bytes(b"~{<a href=x>", head=b"<meta charset=hz-gb-2312>"),
    "HZ: tildes": _bytes(b"~", head=b"<meta charset=hz-gb-2312>"),
    "not ASCII, nothing declared": _bytes(b"<a href=http://a.b/\xe9>"),
    "not ASCII, UTF-8": _bytes(b"<a href=http://a.b/\xc3\xa9>"),
    "not ASCII, all of it": _bytes(b"\xff"),
    "not ASCII, one value": _bytes(b"\x81", head=b"<a href=http://a.b/", tail=b">"),
    "declarations": _bytes(b"<meta charset="),
    "declarations, quotes": _bytes(b"<meta charset='\xe9\"", tail=b"<a href=\xe9>"),
    "declarations in comments": _bytes(b"<!--\xe9", tail=b"<a href=\xe9>"),
}

CASES: dict[str, Case] = {
    **_TAGS,
    **_COMMENTS,
    **_CONDITIONALS,
    **_RAW_TEXT,
    **_FOREIGN,
    **_LINKS,
    **_VALUES,
    **_BYTES,
}
