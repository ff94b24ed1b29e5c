"""Experiments: who is held out at random, and what contact did, with intervals that may be looked at any time."""
