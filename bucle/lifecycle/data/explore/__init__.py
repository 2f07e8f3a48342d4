"""Look at a version before a model is made of it: what it holds, and what would stop a project."""
