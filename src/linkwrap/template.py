"""A compiled document: made once per template by `LinkWrapper.compile`, filled in for each recipient by `render`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ._compiled import Compiled, Filling
from ._faults import Faults
from ._pixels import AMP_TAGS, HTML_TAGS
from .errors import OptionError
from .link import Link

__all__ = ["LinkTemplate"]

Text = TypeVar("Text", str, bytes)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class LinkTemplate(Generic[Text]):
    """A document or plain text with slots for redirect URLs and pixels, made by `LinkWrapper.compile`.

    It is plain data: no keys, no host, no recipient. One serves every account; it can be cached and pickled.
    """

    _compiled: Compiled[Text]

    @property
    def source(self) -> Text:
        """The document as it came in."""
        return self._compiled.source

    @property
    def encoding(self) -> str | None:
        """The encoding that `bytes` were compiled with: the argument of `compile`, or None.

        For a plain text without that argument it is the encoding that was found.
        """
        return self._compiled.encoding

    @property
    def links(self) -> tuple[Link, ...]:
        """Every link, in the order of the text, with the decision about it; made anew at each call."""
        return tuple(self._compiled.links())

    def slotted(self, slot: Callable[[int], str], *, open_tracking: bool = True, initial_open: bool = False) -> Text:
        """Return the source with slots in place of URLs, for a merge engine that fills in the rest too.

        A document that already has a pixel of ours, of any account, gets no slot for another.

        Args:
            slot: Returns the text for the number of a URL in `LinkWrapper.urls`, such as `"{{ urls[3] }}"`, in ASCII
                for a template of `bytes`. The numbers are those of the wrapped links in the order of the text, then of
                the open pixel, then of the initial-open pixel.
            open_tracking: Whether to add the open pixel.
            initial_open: Whether to add the initial-open pixel.

        Raises:
            TypeError: An argument is of the wrong type, or `slot` returned no `str`.
            OptionError: `slot` returned text that is not ASCII for a template of `bytes`.
        """
        faults = Faults()
        if not callable(slot):
            faults.wrong_type("slot", "a callable", slot)
        for name, flag in (("open_tracking", open_tracking), ("initial_open", initial_open)):
            if not isinstance(flag, bool):
                faults.wrong_type(name, "bool", flag)
        faults.raise_any()
        compiled = self._compiled

        def text(number: int) -> str:
            found: object = slot(number)
            if not isinstance(found, str):
                raise TypeError(f"slot must return str, not {type(found).__name__}")
            if compiled.charset is not None and not found.isascii():
                raise OptionError(f"slot must return ASCII for a template of bytes, not {found!r:.80}")
            return found

        count = len(compiled.slots)
        urls = [text(number) for number in range(count)]
        pixels = compiled.pixels
        if pixels is None:
            return compiled.fill(Filling(urls))
        present = {pixel.initial for pixel in pixels.own}
        tags = AMP_TAGS if pixels.amp else HTML_TAGS
        pixel = initial = ""
        if open_tracking and False not in present:
            pixel = tags.open.around(text(count))
        if initial_open and True not in present:
            initial = tags.initial.around(text(count + 1))
        return compiled.fill(Filling(urls, pixel, initial))

    def __repr__(self) -> str:
        compiled = self._compiled
        units = "characters" if isinstance(compiled.source, str) else "bytes"
        counts = f"{len(compiled.decisions)} links, {len(compiled.slots)} to wrap, {len(compiled.source)} {units}"
        return f"<LinkTemplate: {counts}>"
