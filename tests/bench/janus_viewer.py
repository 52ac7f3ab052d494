"""A viewer of Janus: answers an offer instead of making one, and is checked on its path as well as checking."""

from __future__ import annotations

import re
from typing import Any

from aioice import stun

from tests.support.crowd import Viewer


class JanusViewer(Viewer):
    """Answers an offer of Janus instead of offering."""

    def answer_to(self, offer: str) -> str:
        """Take the credentials of the offer; return an answer that accepts all that a browser would: extensions, NACK, RTX."""
        self.take_answer(offer)
        sections = re.findall(r"^m=.*?(?=^m=|\Z)", offer.replace("\r\n", "\n"), re.M | re.S)
        mids = " ".join(re.findall(r"^a=mid:(\S+)", offer, re.M))
        head = ["v=0", f"o=- 1 1 IN IP4 {self.host}", "s=-", "t=0 0", f"a=group:BUNDLE {mids}"]
        return "\r\n".join([*head, *(line for section in sections for line in self._section(section))]) + "\r\n"

    def _section(self, offered: str) -> list[str]:
        heading, words = offered.split("\n", 1)[0], self.words
        accepted = re.findall(r"^a=(?:mid|rtpmap|fmtp|rtcp-fb|extmap|rtcp-mux).*$", offered, re.M)
        lines = [heading, "c=IN IP4 0.0.0.0", *accepted]
        lines += [f"a=ice-ufrag:{words.ufrag}", f"a=ice-pwd:{words.pwd}", f"a=fingerprint:{words.fingerprint}"]
        lines += ["a=setup:active", "a=recvonly"]
        return lines + [f"a=candidate:{candidate}" for candidate in words.candidates] + ["a=end-of-candidates"]

    def check(self, **wishes: Any) -> bytes:
        """As ever, with the FINGERPRINT without which libnice does not listen."""
        message = stun.parse_message(super().check(**wishes))
        message.add_fingerprint()
        return bytes(message)

    def _receive(self, data: bytes) -> None:
        if data[0] > 3:
            super()._receive(data)
            return
        message = stun.parse_message(data)
        if message.message_class is stun.Class.REQUEST:
            self._respond(message)
        elif message.message_class is stun.Class.RESPONSE:
            self.responses.append((message.transaction_id, message.attributes["XOR-MAPPED-ADDRESS"]))

    def _respond(self, request: stun.Message) -> None:
        """Janus checks the path too, though it calls itself lite."""
        assert self.remote is not None
        response = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=request.transaction_id)
        response.attributes["XOR-MAPPED-ADDRESS"] = self.remote
        response.add_message_integrity(self.words.pwd.encode())
        response.add_fingerprint()
        self.send_raw(bytes(response))

    def word(self, attribute: str) -> str:
        """As of an answer that leaves the active role to this side."""
        return "passive" if attribute == "setup" else super().word(attribute)


def offered_address(offer: str) -> str:
    """Return the IPv4 address that Janus offers: libnice knows no loopback, so its viewers on this machine must use that one too."""
    found = re.search(r"^a=candidate:\S+ 1 udp \d+ ([\d.]+) ", offer, re.M)
    if found is None:
        raise RuntimeError("Janus offers no IPv4 address: it needs an interface beside loopback")
    return found.group(1)
