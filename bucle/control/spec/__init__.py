"""Room spec: what `bucle.yaml` may say, and how it is read."""
