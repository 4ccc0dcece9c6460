"""What holds for every packed text: it comes back, it has one form, and a plain reader finds the same in it."""

import json
import random
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from linkwrap._token.packing import CONTEXT, LINK, MAX_GROWTH, Alphabet, decode_link

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
MEANINGS = {
    LINK: dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTVWY",
            "/ . = & ? % # : @ , + https://www. https:// http://www. http:// .com/ email unsubscribe "
            'utm_source= &utm_medium= &utm_campaign= &utm_content= ","'.split(),
            strict=True,
        )
    ),
    CONTEXT: {
        **dict(
            zip(
                "ABCDEFGHIJKLMNOPQRST",
                '/ . = " : , @ _ + { } [ ] ",{" ":" "," campaign_id message_id user_id rcpt'.split(),
                strict=True,
            )
        ),
        "H": " ",
    },
}
alphabets = st.sampled_from([LINK, CONTEXT])

ascii_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=200)
pieces = st.one_of(
    st.sampled_from([word for meanings in MEANINGS.values() for word in meanings.values()]),
    st.sampled_from(["utm_", "http", "-1", "-3", "-13", "X31", "Ua", "ZA", "A" * 62, "b" * 61, "1" * 26]),
    st.text(DIGITS, max_size=80),
    st.text("AB1-", max_size=20),
    ascii_texts,
)
texts = ascii_texts | st.lists(pieces, max_size=12).map("".join)


def plain_unpack(packed: str, meanings: dict[str, str]) -> str:
    """Docs/token.md's reader, with the one check that it leaves out: a raw run must be there as a whole."""
    text, at = "", 0
    while at < len(packed):
        found = re.compile("U([a-z])|X([0-7][0-9a-f])|Z([A-Za-z0-9])|([A-Z])|([a-z0-9_-])").match(packed, at)
        if found is None:
            raise ValueError("another character")
        at = found.end()
        capital, number, length, word, plain = found.groups()
        if length:
            end = at + DIGITS.index(length) + 1
            if end > len(packed):
                raise ValueError("cut off")
            text, at = text + packed[at:end], end
        else:
            text += capital.upper() if capital else chr(int(number, 16)) if number else plain or meanings[word]
    return text


def plain_pack(text: str, meanings: dict[str, str]) -> str:
    """A writer that does what docs/token.md says, step by step; private characters stand for words."""
    for letter, word in meanings.items():
        if len(word) > 1:
            text = text.replace(word, chr(0xE000 + ord(letter)))
    letters = {word: letter for letter, word in meanings.items() if len(word) == 1}
    packed = ""
    for stretch in re.findall(r"(?:(?!-[13])[A-Za-z0-9_-])+|-|[^A-Za-z0-9_-]", text):
        capitals = [at for at, character in enumerate(stretch) if "A" <= character <= "Z"]
        first, last = (capitals[0], capitals[-1] + 1) if len(capitals) >= 3 else (len(stretch), len(stretch))
        packed += "".join(plain_character(character, letters) for character in stretch[:first])
        for at in range(first, last, 62):
            raw = stretch[at : min(at + 62, last)]
            packed += f"Z{DIGITS[len(raw) - 1]}{raw}"
        packed += "".join(plain_character(character, letters) for character in stretch[last:])
    return re.sub("-([13])(?=[1-9A-HJ-NP-Za-km-z]{25})", r"-X3\1", packed)


def plain_character(character: str, letters: dict[str, str]) -> str:
    """The form of a character, or of a word."""
    if character >= "\ue000":
        return chr(ord(character) - 0xE000)
    if character in letters:
        return letters[character]
    if "A" <= character <= "Z":
        return f"U{character.lower()}"
    return character if character in DIGITS else f"X{ord(character):02x}"


@given(text=texts, alphabet=alphabets)
@example(text="".join(map(chr, range(0x20, 0x80))), alphabet=LINK)
@example(text="".join(map(chr, range(0x20, 0x80))), alphabet=CONTEXT)
def test_text_comes_back_from_its_one_form(text: str, alphabet: Alphabet) -> None:
    """Any printable ASCII and DEL comes back, from the form that the page says, of at most three times its length."""
    packed = alphabet.pack(text)
    assert packed == plain_pack(text, MEANINGS[alphabet])
    assert set(packed) <= set(DIGITS)
    assert len(packed) <= 3 * len(text)
    assert alphabet.unpack(packed) == plain_unpack(packed, MEANINGS[alphabet]) == text


@given(text=texts, alphabet=alphabets)
def test_no_form_looks_like_an_address_of_bitcoin(text: str, alphabet: Alphabet) -> None:
    """A word that a spam filter would take for one does not begin behind a "-", the only place where it could."""
    assert not re.search("-[13][1-9A-HJ-NP-Za-km-z]{25}", alphabet.pack(text))


@pytest.mark.parametrize("alphabet", [LINK, CONTEXT], ids=["link", "context"])
def test_plain_reader_finds_the_same_or_refuses_the_same(alphabet: Alphabet) -> None:
    """Of 20,000 texts of the 64 characters, both read one half to the same text and refuse the same other half."""
    source = random.Random(20_261_130)  # noqa: S311 - not for cryptography
    meanings = MEANINGS[alphabet]
    whole = [*meanings, *"abcdef0123456789-_", "Ua", "Uz", "X7e", "X00", "X41", "ZA-", "ZDaBcD", "ZBZZ", "ZCUXZ"]
    broken = ["U", "X", "X7", "X8", "Z", "Z-", "ZB", "Z9", "W", "Y"]
    read = 0
    for number in range(20_000):
        packed = "".join(source.choices(whole, k=source.randrange(20)))
        if number % 4 == 1:  # any characters at all
            packed = "".join(source.choices(DIGITS, k=source.randrange(12)))
        elif number % 4 == 2:  # one change
            at = source.randrange(len(packed) + 1)
            packed = packed[:at] + source.choice([*broken, *DIGITS, ""]) + packed[at + source.randrange(3) :]
        elif number % 4 == 3:  # cut off
            packed = packed[: source.randrange(len(packed) + 1)]
        try:
            expected = plain_unpack(packed, meanings)
        except (ValueError, KeyError):
            with pytest.raises(ValueError):  # noqa: PT011 - which one is no matter
                alphabet.unpack(packed)
        else:
            read += 1
            assert alphabet.unpack(packed) == expected
            assert len(expected) <= MAX_GROWTH * len(packed)
    assert 5_000 < read < 18_000


@given(text=texts | st.text(st.characters(max_codepoint=0x7F)))
def test_link_is_read_as_json(text: str) -> None:
    """Every destination is the first string of a JSON list, whether it has anything that JSON escapes or not."""
    packed = "".join(character if character in DIGITS[26:] else f"X{ord(character):02x}" for character in text)
    try:
        fields = json.loads(f'["{text}"]')
        expected = all(isinstance(field, str) for field in fields[:3])
    except ValueError:
        expected = False
    if expected:
        url, flags, name = (*fields, *["", None][len(fields) - 1 :])[:3]
        assert decode_link(packed) == (url, flags, name)
    else:
        with pytest.raises(ValueError):  # noqa: PT011 - JSON's or ours
            decode_link(packed)


@given(packed=st.text(DIGITS) | st.text(), alphabet=alphabets)
def test_unpacking_anything_is_a_text_or_a_value_error(packed: str, alphabet: Alphabet) -> None:
    """Nothing else is ever raised, whatever was signed."""
    try:
        text = alphabet.unpack(packed)
    except ValueError:
        return
    assert len(text) <= MAX_GROWTH * len(packed)
