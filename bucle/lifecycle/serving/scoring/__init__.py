"""Scoring without a request: datasets, topics, and the prediction log as a dataset."""
