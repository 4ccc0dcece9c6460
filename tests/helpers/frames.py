"""What a reporter of errors could read in the frames of an exception's traceback."""

import types
from collections.abc import Iterator
from typing import Any

_DEPTH = 8
_TEXT = (str, bytes, bytearray)
_OPAQUE = (types.ModuleType, type, int, float, bool, types.NoneType, types.CodeType, types.FrameType)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and all that it came from, shown or suppressed."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        error = waiting.pop()
        if error is not None and id(error) not in seen:
            seen.add(id(error))
            yield error
            waiting += [error.__cause__, error.__context__]


def leaks(error: BaseException, secret: str, package: str = "linkwrap") -> list[str]:
    """The variables in frames of the package that hold the secret, as text or bytes, somewhere within."""
    found = []
    for part in chain(error):
        traceback = part.__traceback__
        while traceback is not None:
            frame, traceback = traceback.tb_frame, traceback.tb_next
            module = str(frame.f_globals.get("__name__", ""))
            if module == package or module.startswith(f"{package}."):
                code = frame.f_code.co_name
                found += [f"{module}.{code}: {name}" for name, value in frame.f_locals.items() if _holds(value, secret)]
    return found


def _holds(value: Any, secret: str) -> bool:
    seen: set[int] = set()
    waiting: list[tuple[Any, int]] = [(value, _DEPTH)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, _TEXT):
            text = value if isinstance(value, str) else bytes(value).decode("latin-1")
            if secret in text:
                return True
            continue
        if isinstance(value, _OPAQUE) or id(value) in seen or depth == 0:
            continue
        seen.add(id(value))
        if secret in repr(value):
            return True
        waiting += [(inner, depth - 1) for inner in _inside(value)]
    return False


def _inside(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.keys()
        yield from value.values()
    elif isinstance(value, list | tuple | set | frozenset):
        yield from value
    elif isinstance(value, types.GeneratorType) and value.gi_frame is not None:
        yield from value.gi_frame.f_locals.values()
    elif isinstance(value, types.FunctionType):
        yield from (cell.cell_contents for cell in value.__closure__ or () if cell != types.CellType())
        yield value.__defaults__
    elif isinstance(value, types.MethodType):
        yield value.__self__
        yield value.__func__
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in [*getattr(value, "__dict__", {}), *slots]:
        yield getattr(value, str(name), None)
