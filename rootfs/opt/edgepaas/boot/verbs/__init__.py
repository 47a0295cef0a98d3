"""The verbs of `edgepaas`: one module each, with `main(argv) -> exit status`."""
