"""How the registry is stored: transactions, tables, domains as rows, and who checks a domain."""
