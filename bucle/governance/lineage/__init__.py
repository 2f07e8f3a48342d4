"""Room lineage: what was made from what, walked in both directions."""
