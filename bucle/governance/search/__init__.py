"""Room search: everything that a project catalogues, found by its words and its facets."""
