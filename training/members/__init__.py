"""The fit of each ensemble member."""
