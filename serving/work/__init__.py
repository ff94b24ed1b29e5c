"""What people do with scores: feedback, and who is due for the next review."""
