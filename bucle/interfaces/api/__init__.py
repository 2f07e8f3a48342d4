"""The JSON API: one route per row of the operation table."""
