"""The live board of evidence: which level every expected class has reached, what it gets now, and why it does not."""
