"""Alerts: what somebody is to be told at once, and how it gets to them."""
