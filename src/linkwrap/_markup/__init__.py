"""The links of a document, with exact positions in its source, in any encoding."""
