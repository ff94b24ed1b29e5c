"""The shapes of answers, as plain dictionaries: the server, its OpenAPI document and the typed client share them."""
