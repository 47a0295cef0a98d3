"""What the build stage of the Dockerfile runs; nothing here runs on a host."""
