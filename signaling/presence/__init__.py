"""Evidence that a class is there: what its screen shows, what it answers, how many people the room counts."""
