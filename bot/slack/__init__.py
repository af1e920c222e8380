"""The surface: listeners, modal, blocks, announcer; nothing escapes a listener."""
