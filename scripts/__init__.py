"""The host side: each file is one word of the Makefile or one noun those words need. Standard library only."""
