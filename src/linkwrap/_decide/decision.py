"""One decision about a link: from its control attributes, by its destination, to the `Link` that callers see."""

from typing import Final, NamedTuple

from ..link import Link, Reason


class Decision(NamedTuple):
    """The decision about one link; it is wrapped if there is no `reason`."""

    url: str | None = None
    """Its destination."""
    reason: Reason | None = None
    """Why it is not wrapped."""
    name: str | None = None
    unsubscribe: bool = False
    sublink: str | None = None
    warning: str | None = None

    def link(
        self,
        href: str,
        element: str,
        *,
        conditional: bool = False,
        start: int | None = None,
        end: int | None = None,
    ) -> Link:
        """Return it as a `Link`, with the other facts about the link."""
        return Link(
            href=href,
            url=self.url,
            element=element,
            name=self.name,
            unsubscribe=self.unsubscribe,
            sublink=self.sublink,
            wrapped=self.reason is None,
            reason=self.reason,
            conditional=conditional,
            start=start,
            end=end,
            warning=self.warning,
        )


UNMARKED: Final = Decision()
"""The decision so far about a link without control attributes."""
