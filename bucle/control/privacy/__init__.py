"""What reaches across rooms for people's data: where sensitive columns went, and forgetting."""
