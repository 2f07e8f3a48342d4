"""Conformance suites: subclass one and every law of the protocol is tested."""
