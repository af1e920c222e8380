"""A pretend Slack, a pretend CarrierX and a web page around the real bot; its servers are the tests' fixtures too."""
