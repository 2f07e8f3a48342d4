"""A model server without an installation: from a folder, a file or a bundle."""
