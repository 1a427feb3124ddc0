"""The protocol's own version, apart from the package's. docs/protocol.md is normative."""

MAJOR = 1
MINOR = 3
SCALED = 2  # the minor from which a vector may travel as bytes
AHEAD = 3  # the minor from which a host may say what a tick led to before it shows it
MAGIC = b"ARENA/1"  # the first frame of every message: readable even when nothing else is
