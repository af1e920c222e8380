"""Files from outside: fetched without giving anybody a way into our network, and known by their first bytes."""
