"""The protocol's own version, apart from the package's. docs/protocol.md is normative."""

MAJOR = 1
MINOR = 0
MAGIC = b"ARENA/1"  # the first frame of every message: readable even when nothing else is
