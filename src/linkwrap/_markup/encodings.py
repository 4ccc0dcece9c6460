"""The encoding of a document's bytes, as the name of a Python codec (but for `iso2022_cn`, which has none).

Labels and their meanings are those of the WHATWG Encoding standard (4.2, "Names and labels"): a document labelled
iso-8859-1 is read as windows-1252, as every browser and mail client does. There are two departures: HZ, ISO-2022-KR and
ISO-2022-CN, which the standard gives to its "replacement" decoder, keep their meaning, since mail clients read them;
and x-user-defined is always read as windows-1252, as the standard does for `<meta>`.
"""

import codecs
import re
from typing import Final

from ..errors import OptionError

# ISO-2022-CN has no codec in Python: this name means that shifted runs cannot be read.
ISO_2022_CN: Final = "iso2022_cn"
ISO_2022_JP: Final = "iso2022_jp_ext"
ISO_2022_KR: Final = "iso2022_kr"
HZ: Final = "hz"
UTF_16_LE: Final = "utf-16-le"
UTF_16_BE: Final = "utf-16-be"
NOT_ASCII_COMPATIBLE: Final = frozenset({ISO_2022_CN, ISO_2022_JP, ISO_2022_KR, HZ, UTF_16_LE, UTF_16_BE})

_HEAD = 1024  # bytes that a declaration must be within (HTML 13.2.3.2)
_SAMPLE = 1 << 16  # bytes that detection reads: detectors take up to seconds per megabyte

_LABELS_OF = {
    "utf-8": "unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf-8 utf8 x-unicode20utf8",
    "cp866": "866 cp866 csibm866 ibm866",
    "iso8859-2": "csisolatin2 iso-8859-2 iso-ir-101 iso8859-2 iso88592 iso_8859-2 iso_8859-2:1987 l2 latin2",
    "iso8859-3": "csisolatin3 iso-8859-3 iso-ir-109 iso8859-3 iso88593 iso_8859-3 iso_8859-3:1988 l3 latin3",
    "iso8859-4": "csisolatin4 iso-8859-4 iso-ir-110 iso8859-4 iso88594 iso_8859-4 iso_8859-4:1988 l4 latin4",
    "iso8859-5": "csisolatincyrillic cyrillic iso-8859-5 iso-ir-144 iso8859-5 iso88595 iso_8859-5 iso_8859-5:1988",
    "iso8859-6": "arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6 iso-8859-6-e "
    "iso-8859-6-i iso-ir-127 iso8859-6 iso88596 iso_8859-6 iso_8859-6:1987",
    "iso8859-7": "csisolatingreek ecma-118 elot_928 greek greek8 iso-8859-7 iso-ir-126 iso8859-7 iso88597 iso_8859-7 "
    "iso_8859-7:1987 sun_eu_greek",
    "iso8859-8": "csiso88598e csisolatinhebrew hebrew iso-8859-8 iso-8859-8-e iso-ir-138 iso8859-8 iso88598 iso_8859-8 "
    "iso_8859-8:1988 visual csiso88598i iso-8859-8-i logical",
    "iso8859-10": "csisolatin6 iso-8859-10 iso-ir-157 iso8859-10 iso885910 l6 latin6",
    "iso8859-13": "iso-8859-13 iso8859-13 iso885913",
    "iso8859-14": "iso-8859-14 iso8859-14 iso885914",
    "iso8859-15": "csisolatin9 iso-8859-15 iso8859-15 iso885915 iso_8859-15 l9",
    "iso8859-16": "iso-8859-16",
    "koi8-r": "cskoi8r koi koi8 koi8-r koi8_r",
    "koi8-u": "koi8-ru koi8-u",
    "mac-roman": "csmacintosh mac macintosh x-mac-roman",
    "cp874": "dos-874 iso-8859-11 iso8859-11 iso885911 tis-620 windows-874",
    "cp1250": "cp1250 windows-1250 x-cp1250",
    "cp1251": "cp1251 windows-1251 x-cp1251",
    "cp1252": "ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100 iso8859-1 iso88591 "
    "iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii windows-1252 x-cp1252 x-user-defined",
    "cp1253": "cp1253 windows-1253 x-cp1253",
    "cp1254": "cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9 iso_8859-9:1989 l5 latin5 "
    "windows-1254 x-cp1254",
    "cp1255": "cp1255 windows-1255 x-cp1255",
    "cp1256": "cp1256 windows-1256 x-cp1256",
    "cp1257": "cp1257 windows-1257 x-cp1257",
    "cp1258": "cp1258 windows-1258 x-cp1258",
    "mac-cyrillic": "x-mac-cyrillic x-mac-ukrainian",
    "gb18030": "chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 gbk iso-ir-58 x-gbk gb18030",
    "big5hkscs": "big5 big5-hkscs cn-big5 csbig5 x-x-big5",
    "euc_jp": "cseucpkdfmtjapanese euc-jp x-euc-jp",
    "cp932": "csshiftjis ms932 ms_kanji shift-jis shift_jis sjis windows-31j x-sjis",
    "cp949": "cseuckr csksc56011987 euc-kr iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601 ksc_5601 "
    "windows-949",
    UTF_16_BE: "unicodefffe utf-16be",
    UTF_16_LE: "csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16 utf-16le",
    ISO_2022_JP: "csiso2022jp iso-2022-jp",
    ISO_2022_KR: "csiso2022kr iso-2022-kr",
    ISO_2022_CN: "iso-2022-cn iso-2022-cn-ext",
    HZ: "hz-gb-2312",
}
_CODECS = {label: codec for codec, labels in _LABELS_OF.items() for label in labels.split()}
# Python's names, which callers and detectors use; not codecs.lookup, which keeps every name that it is called with.
_NAMES = {
    "latin-1": "cp1252",
    "utf-8-sig": "utf-8",
    "cp936": "gb18030",
    "cp950": "big5hkscs",
    "euc-jis-2004": "euc_jp",
    "shift-jis-2004": "cp932",
    "iso2022-jp": ISO_2022_JP,
} | {name.replace("_", "-"): codec for name, codec in (*_CODECS.items(), *((codec, codec) for codec in _LABELS_OF))}

_ATTRIBUTE = (
    r"[\t\n\f\r /]*+([^\t\n\f\r />][^\t\n\f\r />=]*+)"
    r"""(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"]*+)(?:"|\Z)|'([^']*+)(?:'|\Z)|([^\t\n\f\r >"'][^\t\n\f\r >]*+)?+))?+"""
)
_MARKUP = (
    rf"(?ais)<!(?=--).*?(?:-->|\Z)|<(?P<name>/?[a-z][^\t\n\f\r />]*+)(?P<attributes>(?:{_ATTRIBUTE})*+)"
    r"[\t\n\f\r /]*+(?P<end>>?+)|<[!/?][^>]*+"
)
_NOT_ASCII = re.compile(rb"[^\0-\x7f]")
_CONTENT_CHARSET = (
    r"""(?ai)charset[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"]*+)"|'([^']*+)'|([^\t\n\f\r ;"'][^\t\n\f\r ;]*+))"""
)
_XML = re.compile(r"""<\?xml[^>]*?encoding[\0- ]*+=[\0- ]*+(?:"([^">]*+)"|'([^'>]*+)')""", re.ASCII)


def codec_of_label(label: str) -> str | None:
    """Return the Python codec for a WHATWG label, in any case and with white space around it; None for other names."""
    return _CODECS.get(label.strip("\t\n\f\r ").lower())


def codec_of_caller(encoding: str) -> str:
    """Return the Python codec for a WHATWG label, or for Python's own name of such an encoding (`cp932`, `latin-1`).

    Raises:
        TypeError: The name is not a `str`.
        OptionError: It is any other name.
    """
    if not isinstance(encoding, str):
        raise TypeError(f"encoding must be str or None, not {type(encoding).__name__}")
    codec = _codec_of_name(encoding)
    if codec is None:
        raise OptionError(
            f"unknown encoding {encoding!r}: use a label of https://encoding.spec.whatwg.org/#names-and-labels, "
            "or None to have it detected"
        )
    return codec


def find_codec(html: bytes) -> str:
    """Return the codec of a document that is not UTF-16: by a UTF-8 BOM, its declaration, or else detection."""
    if html.startswith(codecs.BOM_UTF8):
        return "utf-8"
    return _declared(html[:_HEAD].decode("latin-1")) or _detected(html)


def find_text_codec(text: bytes) -> str:
    """Return the codec of a plain text: by a BOM, or else detection."""
    if text.startswith(codecs.BOM_UTF8):
        return "utf-8"
    if text.startswith(codecs.BOM_UTF16_LE):
        return UTF_16_LE
    return UTF_16_BE if text.startswith(codecs.BOM_UTF16_BE) else _detected(text)


def _codec_of_name(name: str) -> str | None:
    return codec_of_label(name) or _NAMES.get(name.lower().replace("_", "-"))


def _declared(head: str) -> str | None:
    """Return the codec that `<meta>`, or else an XML declaration, names (HTML 13.2.3.2); None for an unknown label."""
    # `re` keeps these patterns; input that is text needs none of them.
    for tag in re.finditer(_MARKUP, head):
        if not tag["end"] or tag["name"].lower() != "meta":
            continue
        attributes: dict[str, str] = {}
        for name, *values in re.findall(_ATTRIBUTE, tag["attributes"]):
            attributes.setdefault(name.lower(), "".join(values))
        label = attributes.get("charset")
        if label is None and attributes.get("http-equiv", "").lower() == "content-type":
            content = re.search(_CONTENT_CHARSET, attributes.get("content", ""))
            label = content and content[content.lastindex or 0]
        codec = _readable(label)
        if codec:
            return codec
    xml = _XML.match(head)
    return _readable(xml and xml[xml.lastindex or 0])


def _readable(label: str | None) -> str | None:
    """Return the codec of a label that was read as ASCII; the document cannot be UTF-16, so that label means UTF-8."""
    codec = codec_of_label(label or "")
    return "utf-8" if codec in (UTF_16_LE, UTF_16_BE) else codec


def _detected(html: bytes) -> str:
    if html.isascii():
        if b"\x1b$B" in html or b"\x1b$@" in html:
            return ISO_2022_JP
        return ISO_2022_KR if b"\x1b$)C" in html else "utf-8"
    first = _NOT_ASCII.search(html)
    start = first.start() if first and first.start() >= _SAMPLE else 0
    sample = html[start : start + _SAMPLE]
    if _is_valid(sample, "utf-8"):
        return "utf-8"
    from bs4.dammit import EncodingDetector

    for name in EncodingDetector(sample, is_html=True).encodings:
        codec = _codec_of_name(name)
        if codec and codec not in NOT_ASCII_COMPATIBLE and _is_valid(sample, codec):
            return codec
    return "cp1252"


def _is_valid(sample: bytes, codec: str) -> bool:
    """Tell whether it decodes; the sample's end can cut off a character."""
    try:
        codecs.getincrementaldecoder(codec)().decode(sample)
    except UnicodeDecodeError:
        return False
    return True
