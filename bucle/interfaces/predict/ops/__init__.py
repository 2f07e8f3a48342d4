"""What operators load into Prometheus (`bucle.rules.yml`) and Grafana (`bucle.dashboard.json`)."""
