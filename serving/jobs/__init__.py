"""Background deliveries: alerts with an outbox, and exports to files, databases and webhooks."""
