"""Room data: immutable dataset versions, validated and profiled."""
