"""Measurements beside what others run instead, in one run, as ratios."""
