"""Room reconcile: what is declared against what is, and the changes between them."""
