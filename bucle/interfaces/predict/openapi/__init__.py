"""The OpenAPI document of what is served: its routes, with each model's own columns."""
