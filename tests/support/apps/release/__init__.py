"""The app with what blue/green is tried with: requests that take a while."""
