"""Score rows with a fitted bundle: ensemble members, their blend, and the stored formats."""
