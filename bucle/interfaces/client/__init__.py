"""The SDK's client: the same operations in this process or over HTTP."""
