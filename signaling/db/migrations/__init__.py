"""Steps from one schema to the next; the server takes them at its start."""
