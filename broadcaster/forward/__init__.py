"""What happens to packets between publisher and terminals: ring, plan, fan-out, loss repair, reports."""
