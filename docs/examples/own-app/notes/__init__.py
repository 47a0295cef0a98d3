"""An application that is not EdgePaaS's own: it keeps notes."""
