"""Python functions of feature views: taken along as text, and run where they are needed."""
