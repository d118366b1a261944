"""`duograph mcp`: the agent as an MCP server, over standard streams or HTTP."""
