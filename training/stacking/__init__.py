"""The ensemble: member fits at past cutoffs, base rate forecast, temporal validation, stacking weights."""
