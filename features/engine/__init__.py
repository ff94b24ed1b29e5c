"""How measures are computed: prepared tables, the plan, windows and arrays."""
