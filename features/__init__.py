"""What we knew about a customer at a moment: declared, never fitted."""
