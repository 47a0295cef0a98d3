"""Services of our own, each run as `python -m boot.longruns.NAME`: the units of that name."""
