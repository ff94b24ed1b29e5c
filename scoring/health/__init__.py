"""Health of a customer: scorecard tiers with hysteresis."""
