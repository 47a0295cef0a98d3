"""What operators ask the app: is it alive, is it ready, how is it doing."""
