"""Package suites: what other tools expect of data, read from their files into our expectations."""
