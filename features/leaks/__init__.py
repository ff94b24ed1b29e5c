"""The leak self-test: inject later rows and facts, and compare every cell."""
