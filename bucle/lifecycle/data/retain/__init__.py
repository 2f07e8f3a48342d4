"""How long rows and versions are kept: what is too old is planned first, and then dropped."""
