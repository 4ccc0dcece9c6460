"""The third-party packages that registry and checks need: if one is missing, the error names it and the extra."""

from .._extras import missing_extra

try:
    import dns.name  # noqa: F401
    import httpx  # noqa: F401
    import publicsuffixlist  # noqa: F401
    import sqlalchemy  # noqa: F401
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] == "dns":  # the module of the package dnspython
        error = ModuleNotFoundError(str(error), name="dnspython")
    raise missing_extra(error, "domains", "dnspython", "httpx", "publicsuffixlist", "sqlalchemy") from None
