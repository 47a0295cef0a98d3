"""What is told live: the log of events, its tail, its window, and what wakes the tail up."""
