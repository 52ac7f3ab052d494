"""Peers, synthetic media and servers, used by tests only."""
