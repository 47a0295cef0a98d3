"""Small ASGI apps that tests serve with the real web unit."""
