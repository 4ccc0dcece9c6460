"""The storage of the registry: transactions, tables, domains as rows, and leases for checks."""
