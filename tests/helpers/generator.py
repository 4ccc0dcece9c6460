"""Hostile HTML documents: the pieces they are made of, seeded random documents, and a shrinker for those that fail.

Each link that a piece writes gets an href of its own (`http://h/17`), so that a set of links says which tags were seen.
Documents are short: what goes wrong between two pieces shows in a dozen of them.
"""

import itertools
import random
from collections.abc import Callable, Sequence

# In every piece, {} stands for an href that occurs nowhere else in the document.
# fmt: off
LINKS = (
    '<a href="{}">', "<a href='{}'>", "<a href={}>", '<A HREF="{}">', '<a href="{}">x</a>', "<a/href={}>",
    '<a/href="{}"/>', "<a href={}/>", '<a href="{}" />', "<a href={} />", '<a\nhref\n=\n"{}"\n>',
    "<a\r\nhref\r=\t{}\r\n>", "<a\fhref={}\f>", "<a href = \"{}\" href='{}'>", "<a =href={} href={}>",
    '<a href=="{}">', "<a href=={}>", "<a = href={}>", "<a x= href={}>", "<a x= =href={} href={}>", "<a href={} x>",
    '<a x=1 href="{}" y>', '<a x=">" href={}>', "<a x='>' href=\"{}\">", "<a x='\"' href={}>", '<a href="{}"b>',
    '<a href="{}"href={}>', '<a x=""href="{}">', '<a " href={}>', '<a " title=">" href={}>', "<a ' href={}>",
    "<a x=a\"b'c href={}>", "<a <href={} href={}>", "<a <b href={}>", "<a x=<b> href={}>", "<a/ /href={}>",
    "<a / href={}>", "<a//href={}//>", "<a x/href={}>", "<a x=/href={} href={}>", '<a x="1"/href={}>',
    '<a x="/>" href={}>', "<a href>", '<a href="">', "<a href=''>", "<a href= >", "<a href=\n>", "<a href/>",
    "<a href =>", "<a href href={}>", '<a hRef="{}?a=1&amp;b=2&copy=3&copy;&#38;&#x26&notit;&#0;&#x80;&#xD800;&#">',
    '<a href="{}&ampx&amp=1&notin;&noti;&hellip=&hellip;&#65b&#x;&#;&#x110000;&#128;&#13;&amp;amp;&Lt;&acE;">',
    "<a href={}&lt&gt;&quot>", "<a href='{}&apos;&#39;'>", '<a href="{}\r\nx\ry\n">', '<a href="{}\0">',
    "<a href={}\0>", '<a href="\xe9{}\u017f\u212a\U0001f600">', '<a href={}`">', "<a href=`{}`>", '<a href=" \n{} ">',
    '<a href="{}<b>">', "<a href={}<b>", '<a href="{}>', "<a href='{}>", "<a href={}", "<a href={} ", "<a", "<a ",
    "<a/", "<a x", "<a x=", '<a x="', "<a x='", "<a href", "<a href=", "<a\0 href={}>", "<a \0 href={}>",
    "<a \0href={} href={}>", "<a href\0={} href={}>", "<a x=\0 href={}>", "<ab href={}>", "<a: href={}>",
    "<a-b href={}>", "<a<b href={}>", "<a<a href={}>", '<a"href={}>', "<a=href={}>", "<a;href={}>", "<area href={}>",
    '<AREA href="{}"/>', "<area/href={}>", "<aRea\thref='{}'>", "<areas href={}>", "<are href={}>",
    '<v:rect href="{}">', "<v:rect href={}>x</v:rect>", "<V:RoundRect xmlns:v=urn:x href={} />", "<v: href={}>",
    "<v:/href={}>", "<v href={}>", "<v\0: href={}>", "<v:x\0 href={}>",
    "<v:\u212a href={}>", "<V:\xc9\u0130 href={}>", "<v:a<b href={}>", "<\u212a href={}>",
    "<a\u017f href={}>", "<\u017fvg href={}>", "<a\xa0href={}>", "<a\vhref={}>", "<a x\vhref={}>", "<a\x85href={}>",
    "<a\u2028href={}>", "<a \u017fhref={} href={}>", "<a hre\u017f={} href={}>", "<link href={}>", "<base href={}>",
    "<div href={}>", "<img href={}>", "<a xlink:href={}>", "<a xlink:href={} href={}>", "<a data-href={} href={}>",
    "<a x='<a href={}>' href={}>", "<a title='</a>' href={}>", "<!a href={}>",
)
PROBES = (
    "<a href={}>", '<a href="{}">', '"><a href={}>', "'><a href={}>", "--><a href={}>", ">\"'>--><a href={}>",
    "]]><a href={}>", "</script><a href={}>", "</style><a href={}>", "</title><a href={}>", "</textarea><a href={}>",
    "</svg><a href={}>", "</math><a href={}>",
)
TEXT = (
    "x", " ", "\n", "\r\n", "\r", "\f", "\t", "\0", "<", "<<", "</", "< a href={}>", "<3", "</3", "</3>", "<=", "<a",
    ">", '"', "'", "`", "=", "/", "!", "-", "--", "->", "-->", "--!>", "]]>", "&", "&lt;a href={}>", "&#60;", "&amp",
    "\xe9", "\u017f", "\u212a", "\U0001f600", "\ufeff", "\x1a", "{}", "{{ x }}",
)
END_TAGS = (
    "</a>", "</a\n>", "</A />", "</a href={}>", '</a x=">">', "</a x='>'>", '</a x=">', "</a '>", '</p " title=">">',
    "</a/=>", "</ a>", "</ a href={}>", "</>", "</a", "</a ", "</", "</!x>", "</?x>", "</!--x-->", "</area>",
    "</v:rect>", "</\u017fvg>",
)
TAGS = (
    '<p " title=">">', "<p ' title='>'>", "<p x=y>", "<p/>", "<p =>", "<p ==>", '<p =">', '<p x=">', "<p x='",
    "<p x=a>b>", "<p x=\"a\"'>'>", "<p x='>'\">", "<b>", "</b>", "<i/>", "<img src=x>", "<br/>", "<x>", "<x-y z>",
    "<o:p>", "</o:p>",
)
COMMENTS = (
    "<!--", "-->", "--!>", "<!-->", "<!--->", "<!---->", "<!----->", "<!-- -->", "<!--a-->", "<!--a--!>",
    "<!--a--!b-->", "<!--a--!-->", "<!--a--!--!>", "<!--a--->", "<!--a---!>", "<!--a--->-->", "<!--a-- >",
    "<!--a-- -->", "<!--a->", "<!--a-", "<!--a--", "<!--a--!", "<!--!>", "<!---!>", "<!----!>", "<!----!-->",
    "<!--<!-->", "<!--<!--->", "<!--<!-- -->", "<!--<!---!>", "<!--<!->", "<!--<!>-->", "<!--<>-->", "<!--<!--!>",
    "<!--x<!-->", "<!--\0-->", "<!--a\0-->", "<!--a-\0->", "<!--a--\0>", "<!--a--!\0>", "<!--a-\r\n->", "<!--a--\n>",
    "<!-a>", "<!->", "<!-", "<!- -><a href={}>-->", "<!>", "<!", "<!x>", '<!x ">">', "<!x--><a href={}>-->", "<?>",
    "<?", "<?x>", '<?xml version="1.0"?>', '<?x ">"?>', "<?php echo '<a href={}>' ?>", "<!-- <a href={}> -->",
    "<!-- > <a href={}> -->", "<!--[if mso]><a href={}><![endif]-->", "<!--[if mso]>", "<![endif]-->",
    "<!--[if !mso]><!-->", "<!--[if !mso]><!--><a href={}><!--<![endif]-->",
    "<!--[if !mso]>--><a href={}><!--<![endif]-->", "<!--<![endif]-->", "<![if !mso]>",
    "<![if !mso]><a href={}><![endif]>", "<![endif]>",
    "<!--[if gte mso 9]><v:rect href={}><!--x--><a href={}><![endif]-->",
)
DECLARATIONS = (
    "<!DOCTYPE html>", "<!doctype", "<!doctype>", "<!doctypehtml>", "<!DOCTYP>",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/x>y">',
    '<!DOCTYPE html PUBLIC ">', '<!DOCTYPE html PUBLIC "', "<!DOCTYPE html PUBLIC '>'>",
    '<!DOCTYPE html PUBLIC "x" ">">', "<!DOCTYPE html SYSTEM '>'>", "<!DOCTYPE html SYSTEM '>", '<!DOCTYPE "a>b">',
    "<!DOCTYPE a'>'>", '<!DOCTYPE html x ">" >', '<!DOCTYPE html "<a href={}>">',
    '<!DOCTYPE x [ <!ENTITY a "<a href={}>"> ]>', "<!DOCTYPE html --> -- >", "<![CDATA[", "<![CDATA[<a href={}>]]>",
    "<![CDATA[ > <a href={}> ]]>", "<![CDATA[>", "<![CDATA[]>", "<![CDATA[]]", "<![CDATA[]]]>", "<![CDATA[x]]]]>",
    "<![CDATA[]>]]>", "<![CDATA[--><a href={}>]]>", "<![cdata[<a href={}>]]>", "<![CDATA <a href={}>]]>",
    "<![CDATA[\0]]>", "]]>", "]]", "]",
)
RAW_NAMES = ("title", "textarea", "style", "xmp", "iframe", "noembed", "noframes")
RAW_TEXT = (
    *(f"<{name}>" for name in RAW_NAMES for _ in range(3)), *(f"</{name}>" for name in RAW_NAMES for _ in range(3)),
    *(f"<{name}><a href={{}}></{name}>" for name in RAW_NAMES), *(f"<{name.upper()}\n>" for name in RAW_NAMES),
    *(f"</{name.upper()}\n>" for name in RAW_NAMES), *(f'<{name} x="</{name}>">' for name in RAW_NAMES),
    *(f'</{name} x=">"><a href={{}}>' for name in RAW_NAMES), *(f"<{name}/>" for name in RAW_NAMES),
    *(f"</{name}/>" for name in RAW_NAMES), *(f"</{name}" for name in RAW_NAMES),
    *(f"</{name} " for name in RAW_NAMES), *(f"</{name}x>" for name in RAW_NAMES),
    *(f"</{name}\0>" for name in RAW_NAMES), *(f"< /{name}>" for name in RAW_NAMES),
    *(f"</ {name}>" for name in RAW_NAMES), *(f"<{name}-x>" for name in RAW_NAMES),
    *(f"<x{name}>" for name in RAW_NAMES), *(f"<{name}\0>" for name in RAW_NAMES),
    *(f"<!-- <{name}> -->" for name in RAW_NAMES), *(f"<{name}><!--</{name}>-->" for name in RAW_NAMES),
    *(f"<{name}><![CDATA[</{name}>]]>" for name in RAW_NAMES), "<\u017ftyle>", "</\u017ftyle>",
    "<title><style></title></style>", "<textarea>\n</textarea", "</ti", "<noscript>", "</noscript>",
    "<noscript><a href={}></noscript>", "<noscript><style>", "<listing>", "<pre>\n",
)
SCRIPTS = (
    *(f"<script{delimiter}" for delimiter in " \t\n\f\r/>"), *(f"</script{delimiter}" for delimiter in " \t\n\f\r/>"),
    *(f"<script{delimiter}</script{delimiter}<a href={{}}>" for delimiter in " \t\n\f\r/>\v\0"),
    "<script>", "<script>", "<script>", "<script>", "</script>", "</script>", "</script>", "</script>", "<!--",
    "<!--", "<!--", "-->", "-->", "<script", "<script ", "<script/", "<script\0", "<scriptx>", "<script-->",
    "<script src=x />", "<SCRIPT\f>", "<\u017fcript>", "</script", "</script ", "</script/", "</script\n",
    "</script\0>", "</scriptx>", "</SCRIPT\t>", '</script x=">">', "</script/>", "</\u017fcript>", "</scri",
    "<!--<script>", "<!--<script></script>", "<!--<script></script>-->", "<!--<script>--></script>",
    "<script><!--<script></script><a href={}></script>", "<script><!--<script>-->", "<script><!-->", "<script><!--->",
    "<script><!--</script>-->", "<script>document.write('<a href={}>')</script>", "<script>if (a<b) </script>",
    "<!-- --!>", "<!-->", "<!--->", "<!-", "<!", "<", "</", "--", "-", ">", "<!---",
    "<script><!-- <a href={}> --></script>", "</style>", "\0",
)
FOREIGN = (
    "<svg>", "<svg>", "<svg>", "</svg>", "</svg>", "<math>", "<math>", "<math>", "</math>", "</math>", "<svg/>",
    "<math />", "<SVG xmlns=x>", "</SVG\n>", "<svg x=y/>", "<svg x=y/ >", "<svg\0>", "<svg:svg>", "<svgx>",
    "<g>", "<g/>", "</g>", "<x>", "</x>", "<foreignObject>", "<foreignObject>", "<foreignobject/>", "</foreignObject>",
    "</FOREIGNOBJECT>", "<desc>", "<desc>", "<desc/>", "</desc>", "<title>", "<title>", "<title/>", "</title>",
    "<svg><desc><b>", "<svg><title><svg>", "<svg><foreignObject><math>", "</desc></svg>",
    "<mi>", "</mi>", "<mi/>", "<mo>", "</mo>", "<mn>", "<ms>", "<mtext>", "</mtext>", "<math><mi>", "<mi><b>",
    "<mglyph>", "<mglyph/>", "</mglyph>", "<malignmark>", "<malignmark/>", "</malignmark>", "<mi><mglyph>",
    "<mo><malignmark>", "<mtext><b><mglyph>", "<mtext><b><malignmark>", "<math><mn><malignmark/>",
    "<annotation-xml>", "<annotation-xml/>", "<annotation-xml encoding=text/html>", "</annotation-xml>",
    '<annotation-xml encoding="application/xhtml+xml">', "<annotation-xml encoding=TEXT/hTML>",
    '<annotation-xml encoding="text/html ">', "<annotation-xml encoding=text/html/>",
    "<annotation-xml encoding=x encoding=text/html>", "<annotation-xml encoding=text&#x2f;html>",
    '<math><annotation-xml encoding="Application/XHTML+xml">', "<math><annotation-xml encoding=application/xml>",
    "<math><annotation-xml><svg>", "<math><annotation-xml><svg><desc>", "<annotation-xml><math>",
    "<svg><annotation-xml encoding=text/html>", "<svg><mi>", "<math><desc>", "<math><foreignObject>",
    "<![CDATA[", "<![CDATA[<a href={}>]]>", "<![CDATA[--><a href={}>]]>", "]]>", "<!---->", "<!doctype>", "x",
)
_BREAKOUT = (
    "b big blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta"
    " nobr ol p pre ruby s small span strong strike sub sup table tt u ul var"
).split()
_VOID = "area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
# What meets foreign content: tags that leave it and tags that do not, and tags that need no end tag.
MEETING = (
    *(f"<svg><desc><{name}></desc>" for name in _VOID),
    *(f"<{name}>" for name in _BREAKOUT), "<font color=x>", "<font x FACE>", "<font size=1/>", "</p>", "</p>", "</br>",
    *(f"</{name}>" for name in ("b", "div", "i", "li", "span", "table", "font", "a", "html", "body")),
    "<font>", "<font x=color>", "<font colors>", "<a>", "<td>", "<tr>", "<section>", "<x/>", "<image>", "<input>",
    "<wbr>", "<area>", "<param>", "<frame>", "<html>", "<sarcasm>", "<nobreak>", "<h7>", "<P/>", "<B x=y>",
)
# These tell foreign content from HTML by the links inside.
SPACES = (
    *(f"<{name}><a href={{}}></{name}>" for name in (*RAW_NAMES, "script")),
    *(f"<{name}/><a href={{}}></{name}>" for name in (*RAW_NAMES, "script")),
    "<![CDATA[><a href={}>]]>", "<![CDATA[><a href={}>]]>", "<plaintext><a href={}>",
)
TREE = (
    "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "<tbody>", "<caption>", "</caption>",
    "<colgroup>", "<col>", "<div>", "</div>", "<p>", "</p>", "<b>", "</b>", "<nobr>", "<a>", "</a>", "<a x>", "<h1>",
    "<h2>", "<ul>", "<li>", "<dd>", "<form>", "</form>", "<button>", "</button>", "<applet>", "</applet>", "<object>",
    "</object>", "<marquee>", "<html>", "</html>", "<head>", "</head>", "<body>", "<body bgcolor=x>", "</body>",
    "<input>", "<input type=hidden>", "<image>", "<ruby>", "<rt>", "<hr>", "<meta charset=utf-8>", "<style>",
    "</style>", "<title>", "</title>", "<script>", "</script>", "<textarea>", "</textarea>", "<noscript>",
    "</noscript>", "<svg>", "</svg>", "x", " ",
)
RARE = (
    "<select>", "<select>", "</select>", "<option>", "</option>", "<optgroup>", "<select><style><a href={}></style>",
    "<select><svg><style><a href={}></style>", "<template>", "<template>", "</template>",
    "<template><style><a href={}></style>", "<template><col>", "<template><svg>", "<frameset>", "</frameset>",
    "<frame>", "<frameset><style><a href={}></style>", "<noframes>", "</noframes>", "<plaintext>", "</plaintext>",
    "<isindex>", "<keygen>", "<command>", "<dialog>", "<table><select>",
)
# fmt: on

_CORE = (LINKS, LINKS, PROBES, TEXT)
_SCRIPT = ("<script>", "<script>", "<script><!--", "<script><!--<script>", "<script><!--<script ")
_ROOT = ("<svg>", "<math>", "<svg><g>", "<math><mrow>", "<svg><desc>", "<math><mi>", "<math><annotation-xml>")
# How a document of one theme may begin, and the groups of its pieces; one that stands twice gives twice as many.
THEMES: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = (
    (("",), (LINKS, LINKS, LINKS, TAGS, END_TAGS, TEXT, PROBES)),
    (("",), (LINKS, COMMENTS, COMMENTS, DECLARATIONS, PROBES)),
    (("", *_ROOT), (*_CORE, DECLARATIONS, DECLARATIONS, SPACES, FOREIGN)),
    (("",), (*_CORE, RAW_TEXT, RAW_TEXT, RAW_TEXT)),
    (_SCRIPT, (PROBES, SCRIPTS, SCRIPTS, SCRIPTS)),
    (("", "<!--"), (PROBES, PROBES, SCRIPTS, SCRIPTS, SCRIPTS, RAW_TEXT)),
    (_ROOT, (SPACES, FOREIGN, FOREIGN)),
    (_ROOT, (SPACES, FOREIGN, FOREIGN, MEETING)),
    (_ROOT, (PROBES, SPACES, FOREIGN, MEETING, MEETING, TREE)),
    (("", *_ROOT), (*_CORE, FOREIGN, FOREIGN, MEETING, RAW_TEXT)),
    (("",), (*_CORE, TREE, TREE, TREE, TAGS)),
    (("",), (*_CORE, TREE, COMMENTS, DECLARATIONS, RAW_TEXT, SCRIPTS, FOREIGN, TAGS, END_TAGS)),
)
_RARE_THEME = (("", "<svg>"), (PROBES, PROBES, SPACES, RARE, RARE, TREE, RAW_TEXT, FOREIGN))
_RARE_SHARE = 0.03

PIECES: tuple[str, ...] = tuple(
    dict.fromkeys(
        itertools.chain(
            LINKS,
            PROBES,
            TEXT,
            END_TAGS,
            TAGS,
            COMMENTS,
            DECLARATIONS,
            RAW_TEXT,
            SCRIPTS,
            FOREIGN,
            MEETING,
            SPACES,
            TREE,
            RARE,
        )
    )
)
_HOSTILE = "<>/!-=\"'?[]& \n\f\0aA"


def fill(pieces: Sequence[str]) -> str:
    """The document that these pieces make, every href in it unique."""
    numbers = itertools.count(1)
    parts = "".join(pieces).split("{}")
    return parts[0] + "".join(f"http://h/{next(numbers)}{part}" for part in parts[1:])


def document(seed: int) -> str:
    """The random document of this seed, a few hundred characters at most."""
    rng = random.Random(seed)  # noqa: S311
    openers, theme = _RARE_THEME if rng.random() < _RARE_SHARE else rng.choice(THEMES)
    pieces = [rng.choice(openers), *(rng.choice(rng.choice(theme)) for _ in range(rng.randint(1, 12)))]
    for _ in range(rng.randint(0, 3)):
        pieces.insert(rng.randrange(len(pieces) + 1), rng.choice(PROBES))
    text = fill([*pieces, rng.choice(PROBES)])
    if rng.random() < 0.5:
        for _ in range(rng.randint(1, 4)):
            text = _mutate(text, rng)
    return text


def _mutate(text: str, rng: random.Random) -> str:
    """The text with one small fault put into it."""
    at = rng.randrange(len(text) + 1)
    end = min(len(text), at + rng.choice((1, 1, 1, 2, 3, 8)))
    match rng.randrange(8):
        case 0 | 1:
            return text[:at] + text[end:]
        case 2:
            return text[:end] + text[at:end] + text[end:]
        case 3:
            return text[:at] + text[at:end][::-1] + text[end:]
        case 4 | 5:
            return text[:at] + rng.choice(_HOSTILE) + text[at:]
        case 6:
            return text[:at] + text[at:end].swapcase() + text[end:]
        case _:
            return text[:at] if rng.random() < 0.4 else text[at:end] + text[:at] + text[end:]


def shrink(text: str, fails: Callable[[str], bool]) -> str:
    """A text from which no single character can be taken so that it still fails (delta debugging)."""
    size = max(1, len(text) // 2)
    while True:
        at = 0
        removed = False
        while at < len(text):
            shorter = text[:at] + text[at + size :]
            if fails(shorter):
                text = shorter
                removed = True
            else:
                at += size
        if size == 1 and not removed:
            return text
        size = max(1, size // 2)
