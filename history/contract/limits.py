"""The limits of a plausible value: a row with a value outside them is rejected."""

EARLIEST, LATEST = "1901-01-01", "2200-01-01"
LARGEST = 1e15

# A time that lies alone, more than this many years after all others, is taken for a typing error.
MAX_GAP_YEARS = 10
