"""Shipped with the package: fakes, factories and conformance suites for any driver."""
