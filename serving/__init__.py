"""How people and programs reach Duograph: today the command line."""
