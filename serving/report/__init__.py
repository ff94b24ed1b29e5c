"""The customer evaluation report: one content for HTML and PDF."""
