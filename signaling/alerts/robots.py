"""A message in the form of each receiver, and what its answer means. Pure: the time is an argument.

* **WeCom** (企业微信群机器人): POST to the robot's address, `{"msgtype": "markdown", "markdown": {"content": …}}`, at most 4096 bytes.
* **DingTalk** (钉钉自定义机器人): `{"msgtype": "markdown", "markdown": {"title": …, "text": …}}`; the address gets `timestamp` (milliseconds) and `sign`, the
  Base64 of HMAC-SHA256 with the secret as key over `timestamp + "\\n" + secret`.
* Both answer 200 with `errcode`; **only 0 is success**.
* **webhook**: JSON, `X-Jiangtang-Signature: t=<seconds>,v1=<hex>` is HMAC-SHA256 with the secret over `<seconds>.<body>`, `Idempotency-Key` the message's id.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from signaling.alerts.messages import Message
from signaling.alerts.outcome import Outcome

WECOM_BYTES: Final = 4096
ENOUGH: Final = 120
FINAL: Final = frozenset({93000, 310000, 300001, 40035, 300005})
"""Wrong key, wrong signature or keyword, unknown token: another attempt ends the same."""


@dataclass(frozen=True, slots=True)
class Post:
    """A request that is ready to go."""

    url: str
    body: bytes
    headers: Mapping[str, str]


def post(kind: str, url: str, secret: str, message: Message, now: datetime) -> Post:
    """Return the request that tells a message."""
    if kind == "wecom":
        return Post(url, _json({"msgtype": "markdown", "markdown": {"content": _cut(_markdown(message))}}), _JSON)
    if kind == "dingtalk":
        told = {"title": message.title, "text": _markdown(message, "\n\n")}
        return Post(signed(url, secret, now), _json({"msgtype": "markdown", "markdown": told}), _JSON)
    body = _json(_document(message))
    seconds = str(int(now.timestamp()))
    headers = {"Idempotency-Key": message.id, "X-Jiangtang-Event": f"alert.{message.event}"}
    if secret:
        headers["X-Jiangtang-Signature"] = f"t={seconds},v1={signature(secret, seconds, body)}"
    return Post(url, body, _JSON | headers)


def signature(secret: str, seconds: str, body: bytes) -> str:
    """Return what a receiver computes again to know that a webhook is ours."""
    return hmac.digest(secret.encode(), seconds.encode() + b"." + body, "sha256").hex()


def signed(url: str, secret: str, now: datetime) -> str:
    """Return a DingTalk robot's address with time and signature; without a secret (keywords only) as it is."""
    if not secret:
        return url
    milliseconds = str(round(now.timestamp() * 1000))
    digest = hmac.digest(secret.encode(), f"{milliseconds}\n{secret}".encode(), "sha256")
    query = urlencode({"timestamp": milliseconds, "sign": base64.b64encode(digest).decode()})
    return f"{url}{'&' if '?' in url else '?'}{query}"


def verdict(kind: str, status: int, answer: bytes) -> Outcome:
    """Return what an answer means."""
    if 300 <= status < 400:
        return Outcome("redirected", str(status), final=True)
    if not 200 <= status < 300:
        return Outcome("http_status", str(status), final=status in {400, 401, 403, 404, 405, 410})
    if kind not in {"wecom", "dingtalk"}:
        return Outcome("sent", str(status))
    try:
        document: Any = json.loads(answer)
        code = int(document["errcode"])
    except (ValueError, KeyError, TypeError):
        return Outcome("robot_refused", "no errcode")
    if code == 0:
        return Outcome("sent", "errcode 0")
    said = "".join(letter for letter in str(document.get("errmsg", "")) if letter.isprintable())
    return Outcome("robot_refused", f"errcode {code} {said[:ENOUGH]}".strip(), final=code in FINAL)


def text(message: Message) -> str:
    """Return a message as plain text, for mail."""
    return "\n".join(message.lines) + "\n"


def _markdown(message: Message, between: str = "\n") -> str:
    lines = [f"**{_plain(message.title)}**", *(f"> {_plain(line)}" for line in message.lines)]
    return between.join(lines)


def _plain(line: str) -> str:
    """Take away what markdown would read as a command: titles come from people."""
    return "".join(f"\\{letter}" if letter in "*_`[]<>#" else letter for letter in line)


def _cut(content: str) -> str:
    return content.encode()[:WECOM_BYTES].decode(errors="ignore")


def _document(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "event": f"alert.{message.event}",
        "rule": message.rule,
        "at": message.at,
        "title": message.title,
        "lines": list(message.lines),
        "lecture_id": message.lecture_id,
        "node": message.node,
        "count": message.count,
        "url": message.url,
    }


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


_JSON: Final = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "Jiangtang"}
