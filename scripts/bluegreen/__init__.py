"""Blue/green on one host: two slots, one proxy, one file of state. Standard library only."""
