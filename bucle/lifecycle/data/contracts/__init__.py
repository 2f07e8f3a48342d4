"""What a producer of data and the project agreed upon, and whether it is kept."""
