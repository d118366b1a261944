"""The state machine: state, assembly, routes, limits, settings, and the agent that programs embed."""
