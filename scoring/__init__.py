"""From one row of features to an answer with reasons."""
