"""What `edgepaas db` can do: one module per word."""
