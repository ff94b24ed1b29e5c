"""The declared features, one family a file."""
