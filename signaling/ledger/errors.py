"""What goes wrong in the ledger.

LedgerError
├── DamagedEntry        infrastructure: a stored entry cannot be read, or is not what was recorded
├── LedgerUnavailable   infrastructure: neither database nor journal takes facts
└── ForeignAuthor       operator: another process writes in the name of this node
"""

from __future__ import annotations


class LedgerError(Exception):
    """Root of the tree."""


class DamagedEntry(LedgerError):
    """A stored entry cannot be read; the message names node, number and kind."""

    def __init__(self, node: str, number: int, kind: str, why: str) -> None:
        super().__init__(f"entry {number} of node {node} ({kind}): {why}")
        self.node = node
        self.number = number
        self.kind = kind


class LedgerUnavailable(LedgerError):
    """Nothing durable takes facts: the caller must not treat them as recorded."""


class ForeignAuthor(LedgerError):
    """Two processes have the same node name: the chain has one author, and this process is not it."""
