"""Room feedback: labels and corrections, joined by prediction id."""
