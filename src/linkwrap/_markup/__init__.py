"""Where the links of a document are: exact positions in its source, whatever its encoding."""
