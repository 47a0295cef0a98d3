"""Metrics and health on the management port, apart from the app's fate."""
