"""Room tracking: runs with their parameters, metrics, artifacts and origins."""
