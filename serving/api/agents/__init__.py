"""The agent interface (MCP): the API's answers as tools, and a check of drafts against a customer's file."""
