"""A service of a derived image, without a library."""
