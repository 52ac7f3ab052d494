"""Simulated classroom terminals and a simulated lecturer: what a server is tried with before a big day."""
