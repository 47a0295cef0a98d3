"""Which database serves this boot, and bringing its schema to the image's revision."""
