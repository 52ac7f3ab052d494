"""A mail server on loopback that keeps what it is given (RFC 5321, as much as a client needs)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Mailbox:
    """The mails that came; addresses in `unknown` are refused with 550, everything is put off with 451 while `busy`."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    busy: bool = False

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak with one client."""
        to: list[str] = []

        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 mailbox ESMTP")
        while line := (await reader.readline()).decode().strip():
            verb = line.split(" ")[0].upper()
            address = line.partition("<")[2].partition(">")[0]
            if verb == "EHLO":
                say("250-mailbox")
                say("250 8BITMIME")
            elif verb == "MAIL":
                say("451 later" if self.busy else "250 ok")
            elif verb == "RCPT":
                known = address not in self.unknown
                to += [address] if known else []
                say("250 ok" if known else "550 no such mailbox")
            elif verb == "DATA":
                say("354 go on")
                raw = await reader.readuntil(b"\r\n.\r\n")
                self.mails.append(message_from_bytes(raw[:-5], policy=policy.default))  # type: ignore[arg-type]
                self.recipients.append(to)
                say("250 taken")
            else:
                say("221 bye" if verb == "QUIT" else "250 ok")
            if verb == "QUIT":
                break
        writer.close()


@asynccontextmanager
async def mailbox() -> AsyncIterator[Mailbox]:
    """Yield a mail server on a free port."""
    made = Mailbox()
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
