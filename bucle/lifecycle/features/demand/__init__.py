"""Features that are computed when somebody asks: of other features, and of what they say."""
