"""From a chain of models to one complete answer: tries, timeouts, breakers, budgets, errors."""
