"""The host side: words of the Makefile and the nouns they need. Standard library only."""
