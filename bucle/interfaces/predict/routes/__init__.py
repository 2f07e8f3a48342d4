"""What is answered where: a file per family of addresses."""
