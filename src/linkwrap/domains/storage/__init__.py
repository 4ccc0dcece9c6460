"""The storage of the registry: transactions, tables, domains as rows, and leases for checks."""

from .. import _packages  # noqa: F401  # its error names the extra
