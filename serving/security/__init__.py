"""Who may ask: API keys, OIDC tokens, rate limits, and the audit trail."""
