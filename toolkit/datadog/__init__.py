"""Reading what Datadog measured."""
