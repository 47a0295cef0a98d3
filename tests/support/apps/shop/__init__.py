"""An application that is not ours: the boot layer knows it by import strings only."""
