"""The pages: a frozen context and a template each."""
