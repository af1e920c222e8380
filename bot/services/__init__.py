"""Use cases: async, but only through the ports in ports.py."""
