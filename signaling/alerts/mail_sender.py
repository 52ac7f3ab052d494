"""Sends a message by mail, over the server that the operator has set up. The only door to aiosmtplib."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from config.settings import SmtpSettings
from signaling.alerts import robots
from signaling.alerts.messages import Message
from signaling.alerts.outcome import Outcome
from signaling.alerts.sealing import Sealed

REFUSED_FOR_EVER = range(500, 600)


class MailSender:
    """Sends mail; its Message-ID is the message's id, so that a mail box which gets it twice shows one."""

    def __init__(self, settings: SmtpSettings, seconds: float) -> None:
        self._settings = settings
        self._seconds = seconds

    async def send(self, sealed: Sealed, message: Message, now: datetime) -> Outcome:
        """Try once; whatever goes wrong is an outcome."""
        smtp = self._settings
        if not smtp.host or not smtp.sender:
            return Outcome("mail_not_set_up", final=True)
        try:
            await aiosmtplib.send(
                self.mail(sealed.target, message, now),
                hostname=smtp.host,
                port=smtp.port,
                username=smtp.user or None,
                password=smtp.password or None,
                use_tls=smtp.security == "tls",
                start_tls=smtp.security == "starttls",
                timeout=self._seconds,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _refused(error.recipients[0].code if error.recipients else 0)
        except aiosmtplib.SMTPResponseException as error:
            return _refused(error.code)
        except (aiosmtplib.SMTPTimeoutError, TimeoutError):
            return Outcome("timeout")
        except (aiosmtplib.SMTPException, OSError) as error:
            return Outcome("unreachable", type(error).__name__)
        return Outcome("sent", "250")

    def mail(self, target: str, message: Message, now: datetime) -> EmailMessage:
        """Return the mail; addresses are separated by commas."""
        mail = EmailMessage()
        mail["From"] = self._settings.sender
        mail["To"] = target
        mail["Subject"] = message.title
        mail["Date"] = format_datetime(now)
        mail["Message-ID"] = f"<{message.id}@jiangtang>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(robots.text(message))
        return mail


def _refused(code: int) -> Outcome:
    return Outcome("mail_refused", str(code), final=code in REFUSED_FOR_EVER)
