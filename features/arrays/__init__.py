"""Columns as NumPy arrays with nulls: operations, groups, joins and compiled steps."""
