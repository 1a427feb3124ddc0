"""Connect four: seven columns, six rows, four in a line win."""
