"""The playground in a real Chromium."""
