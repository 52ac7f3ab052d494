"""Backups: one file with the database and the keys of a server, and the way back from it."""
