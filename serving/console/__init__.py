"""The web console: pages rendered on the server from the answers of the application (``app.create_console``)."""
