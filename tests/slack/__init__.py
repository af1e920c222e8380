"""The surface: what goes into Slack and comes out of it."""
