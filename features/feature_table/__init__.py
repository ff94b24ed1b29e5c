"""Tables of features: a snapshot at one cutoff, training rows at many."""
