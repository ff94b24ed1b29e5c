"""Fit when the event comes: event times of the training rows, shapes of time, and their integrated Brier score."""
