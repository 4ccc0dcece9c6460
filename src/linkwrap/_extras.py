"""The error for an optional package that is not installed: it names the extra."""


def missing_extra(error: ModuleNotFoundError, extra: str, *packages: str) -> ModuleNotFoundError:
    """Return the error to raise for a failed import in `linkwrap.EXTRA`: `error`, or a better one for `packages`.

    Use it as `raise missing_extra(error, "jinja", "jinja2") from None`.
    """
    package = (error.name or "").partition(".")[0]
    if package not in packages:
        return error
    message = f"{package} is not installed: linkwrap.{extra} needs pip install '.[{extra}]' in a clone of linkwrap"
    return ModuleNotFoundError(message, name=package)
