"""Rapport: churn and conversion answers from a CRM history, each with reasons that add up to the number."""
