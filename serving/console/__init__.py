"""The web console: pages drawn on the server from what the desk answers (``app.console``)."""
