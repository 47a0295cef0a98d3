"""Blue/green tried for real: images, proxies, traffic, faults."""
