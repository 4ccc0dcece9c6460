"""The faults of a call's arguments, collected so that one message lists them all."""

from collections.abc import Iterable

from .errors import LinkWrapError, OptionError


class Faults:
    """Collects faults; raises `TypeError` if one of them is a wrong type, else an error for values."""

    __slots__ = ("_any_wrong_type", "_sentences")

    def __init__(self) -> None:
        self._sentences: list[str] = []
        self._any_wrong_type = False

    def __bool__(self) -> bool:
        return bool(self._sentences)

    def wrong_type(self, name: str, expected: str, value: object, found: str = "") -> None:
        """Add that the argument `name` must be `expected`, and is of another type, or is what `found` says."""
        self._any_wrong_type = True
        found = found or ("None" if value is None else type(value).__name__)
        self._sentences.append(f"{name} must be {expected}, not {found}")

    def unknown_keyword(self, name: str, known: Iterable[str]) -> None:
        """Add that there is no argument `name`."""
        self._any_wrong_type = True
        self._sentences.append(f"there is no option {name!r}, only {', '.join(sorted(known))}")

    def wrong_value(self, sentence: str) -> None:
        """Add a sentence that says which value cannot be used, and why."""
        self._sentences.append(sentence)

    def error(self, error: Exception) -> None:
        """Add the message of an error, which is a `TypeError` for a wrong type."""
        self._any_wrong_type |= isinstance(error, TypeError)
        self._sentences.append(str(error))

    def raise_any(self, prefix: str = "", error: type[LinkWrapError] = OptionError, *, suffix: str = "") -> None:
        """Raise one error that lists all faults, if there are any."""
        if self._sentences:
            message = f"{prefix}{'; '.join(self._sentences)}{suffix}"
            raise TypeError(message) if self._any_wrong_type else error(message)


def require_str(**arguments: object) -> None:
    """Raise one `TypeError` for all arguments that are not strings."""
    faults = Faults()
    for name, value in arguments.items():
        if not isinstance(value, str):
            faults.wrong_type(name, "str", value)
    faults.raise_any()
