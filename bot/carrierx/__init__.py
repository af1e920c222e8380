"""The carrier, both directions: wire (bodies), client (requests), callbacks (what CarrierX tells us)."""
