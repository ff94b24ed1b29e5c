"""Everything that the service can answer, free of HTTP: the API and the console share it."""
