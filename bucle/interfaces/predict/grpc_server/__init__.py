"""The Open Inference Protocol, version 2, over gRPC, on a port of its own."""
