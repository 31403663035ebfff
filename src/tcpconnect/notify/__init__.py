"""Where alerts go: lines, programs, and servers that may be slow or gone."""
