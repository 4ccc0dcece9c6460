"""Tokens: packed, signed and read again."""
