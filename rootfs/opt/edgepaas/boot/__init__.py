"""The boot layer: PID 1, the sequencer on supervisord, and what they start."""
