"""Checks of a model and its card after training."""
