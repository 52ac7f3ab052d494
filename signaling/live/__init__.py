"""The live broadcast: transition table, publishing and watching rights, WHIP and WHEP."""
