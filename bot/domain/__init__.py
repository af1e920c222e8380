"""Rules: no await, no clock, no input or output. Time is an argument, aware UTC."""
