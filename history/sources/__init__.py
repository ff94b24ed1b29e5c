"""Where the tables of a history come from: files, databases and memory."""
