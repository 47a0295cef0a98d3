"""How gunicorn and uvicorn serve the app: worker class, slots, drain."""
