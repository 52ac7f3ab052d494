"""Who is connected to the namespace. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from signaling.auth.identity import Permission, Principal, Role

NAMESPACE = "/live"
SCOPED = frozenset({Role.COUNTY_ADMIN, Role.SCHOOL_ADMIN})


@dataclass(frozen=True, slots=True)
class Peer:
    """One connection: a screen, or a person with a login."""

    sid: str
    lecture_id: str
    screen_id: str | None = None
    principal: Principal | None = None

    @property
    def node(self) -> str | None:
        """The node whose board this peer may see, "" for everything, None for no board."""
        if self.principal is None or not self.principal.may(Permission.BOARD_READ):
            return None
        return self.principal.node if self.principal.role in SCOPED else ""

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms whose messages this peer gets."""
        if self.principal is None:
            return (screens(self.lecture_id),)
        rooms: tuple[str, ...] = (staff(self.lecture_id), person(self.lecture_id, self.principal.user_id))
        if self.node is not None:
            rooms = (*rooms, evidence(self.lecture_id, self.node))
        return rooms if self.principal.role in SCOPED else (*rooms, board(self.lecture_id))


def screens(lecture_id: str) -> str:
    """Room of all screens of a lecture."""
    return f"screens:{lecture_id}"


def staff(lecture_id: str) -> str:
    """Room of all people of a lecture."""
    return f"staff:{lecture_id}"


def board(lecture_id: str) -> str:
    """Room of the people who see every row of the board."""
    return f"board:{lecture_id}"


def evidence(lecture_id: str, node: str) -> str:
    """Room of the people of a node who see the board of evidence; "" is that of all of it."""
    return f"evidence:{lecture_id}:{node}"


def person(lecture_id: str, user_id: str) -> str:
    """Room of one person's pages of a lecture."""
    return f"person:{lecture_id}:{user_id}"


class Peers:
    """The table of connections; a screen has one, the newest."""

    def __init__(self) -> None:
        self._peers: dict[str, Peer] = {}
        self._newest: dict[str, str] = {}
        self._staff: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._peers)

    def add(self, peer: Peer) -> str | None:
        """Remember a peer; return the sid of the same screen's older connection, if there is one."""
        self._peers[peer.sid] = peer
        if peer.screen_id is None:
            self._staff[peer.lecture_id] += 1
            return None
        older = self._newest.get(peer.screen_id)
        self._newest[peer.screen_id] = peer.sid
        return older

    def get(self, sid: str) -> Peer | None:
        """Return a peer."""
        return self._peers.get(sid)

    def remove(self, sid: str) -> Peer | None:
        """Forget a peer and return it."""
        peer = self._peers.pop(sid, None)
        if peer is None:
            return None
        if peer.screen_id is None:
            self._staff[peer.lecture_id] -= 1
            self._staff += Counter()  # drops what fell to zero
        elif self._newest.get(peer.screen_id) == sid:
            del self._newest[peer.screen_id]
        return peer

    def screens_of(self, lecture_id: str) -> list[tuple[str, str]]:
        """Return sid and screen of every screen that listens to a lecture."""
        peers = self._peers.values()
        return [(one.sid, one.screen_id) for one in peers if one.screen_id is not None and one.lecture_id == lecture_id]

    def of_person(self, user_id: str) -> list[str]:
        """Return the sids of a person's connections."""
        people = ((sid, peer.principal) for sid, peer in self._peers.items())
        return [sid for sid, principal in people if principal is not None and principal.user_id == user_id]

    def boards(self) -> dict[str, set[str]]:
        """Return the lectures whose board somebody may see who listens, with the nodes of these people."""
        found: dict[str, set[str]] = {}
        for peer in self._peers.values():
            if peer.node is not None:
                found.setdefault(peer.lecture_id, set()).add(peer.node)
        return found

    def lectures_with_staff(self) -> list[str]:
        """Return the lectures that somebody looks at."""
        return list(self._staff)
