"""Reading what a model wrote: text, thinking, tool calls, and answers in a form."""
