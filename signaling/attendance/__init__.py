"""Append-only facts of delivery, folded to minutes, judged by a policy, exported."""
