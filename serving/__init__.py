"""From a request or a night to answers."""
