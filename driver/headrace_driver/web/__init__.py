"""What the driver says over HTTP: metrics and whether it is alive."""
