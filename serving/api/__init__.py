"""The HTTP API: middleware, endpoints, schemas, and the BentoML service."""
