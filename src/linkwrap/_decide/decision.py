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
    placeholder: str | None = None
    """The placeholder in its value, where that is the reason."""

    def marked(self, draft: "Decision") -> "Decision":
        """Return this decision, made by the destination, together with that by the control attributes."""
        if draft is UNMARKED:
            return self
        url, found, _, _, _, warned, placeholder = self
        _, reason, name, unsubscribe, sublink, warning, _ = draft
        if warned:
            warning = f"{warning}; {warned}" if warning else warned
        return Decision(url, reason or found, name, unsubscribe, sublink, warning, None if reason else placeholder)

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
        from .one_time import is_one_time  # wrapping needs none of its patterns

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
            placeholder=self.placeholder,
            one_time=self.url is not None and is_one_time(self.url),
        )


UNMARKED: Final = Decision()
"""The decision so far about a link without control attributes."""
