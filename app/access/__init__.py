"""Who may do what: tokens, sessions of browsers, and how often one may be wrong."""
