"""Which database serves: its URL, whether it answers, and what follows."""
