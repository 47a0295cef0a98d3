"""What every request passes through, outermost first: see app.main. Pure ASGI."""
