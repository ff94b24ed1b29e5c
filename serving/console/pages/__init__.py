"""The request handlers of the console, one module a page."""
