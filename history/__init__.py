"""What happened: the table contract, reading it, refusing bad rows, and the invented company."""
