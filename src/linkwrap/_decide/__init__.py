"""Decisions about links, from their control attributes and destinations."""
