"""What several benchmarks share: timing, scale, and a big history."""
