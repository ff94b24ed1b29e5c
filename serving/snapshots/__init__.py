"""Score snapshots: the scoring run that publishes them, their files, and the model that answers from them."""
