"""The steps of the boot that end: one module per unit."""
