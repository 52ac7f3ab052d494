"""Where a channel may not go: forms of addresses, names that resolve to the inside, names that change their mind."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from urllib.parse import quote

import pytest

from signaling.alerts import guard, robots
from signaling.alerts.guard import Refused
from signaling.alerts.messages import Message
from tests.support.platform import NOON

ZONE = {
    "public.example": ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"],
    "loopback.example": ["127.0.0.1"],
    "home.example": ["192.168.1.20"],
    "mixed.example": ["93.184.215.14", "10.0.0.5"],
    "mapped.example": ["::ffff:10.0.0.1"],
    "six.example": ["::1"],
    "link.example": ["fe80::1%eth0"],
    "metadata.example": ["169.254.169.254"],
    "azure.example": ["168.63.129.16"],
    "shared.example": ["100.64.3.4"],
    "local.example": ["fd12:3456::1"],
    "localhost": ["127.0.0.1", "::1"],
}


async def resolve(host: str, port: int) -> Sequence[str]:
    """Look up the zone of this test; numbers as the system reads them."""
    name = host.removesuffix(".").lower()
    if name in ZONE:
        return ZONE[name]
    try:
        return [socket.inet_ntoa(socket.inet_aton(host))]
    except OSError:
        raise OSError("no such name") from None


BAD = [
    "http://public.example/",
    "ftp://public.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/",
    "//public.example/",
    "https://",
    "https:///path",
    "https://user@public.example/",
    "https://user:pass@public.example/",
    "https://public.example@127.0.0.1/",
    "https://127.0.0.1#@public.example/",
    "https://public.example\\@127.0.0.1/",
    "https://public.example:0/",
    "https://public.example:99999/",
    "https://public.example/#part",
    "https://public.example/ x",
    "https://public.example/\r\nHost: inside",
    "https://例子.example/",
    "https://１２７.0.0.1/",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://0x7f.0.0.1/",
    "https://0x7f000001/",
    "https://127.0.0.1./",
    "https://0/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.5.5/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.100.100.200/",
    "https://168.63.129.16/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:0:0:0:0:80ff:fffe]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://loopback.example/",
    "https://home.example/",
    "https://mixed.example/",
    "https://mapped.example/",
    "https://six.example/",
    "https://link.example/",
    "https://metadata.example/",
    "https://azure.example/",
    "https://shared.example/",
    "https://local.example/",
]


@pytest.mark.parametrize("url", BAD)
async def test_the_inside_is_not_reached_however_it_is_written(url: str) -> None:
    with pytest.raises(Refused):
        await guard.check(url, resolve, allow_private=False)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://public.example/robot?key=1", "public.example", 443),
        ("https://public.example:8443/", "public.example", 8443),
        ("https://93.184.215.14/", "93.184.215.14", 443),
        ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", 443),
    ],
)
async def test_the_outside_is_reached_at_the_address_that_was_judged(url: str, host: str, port: int) -> None:
    target = await guard.check(url, resolve, allow_private=False)
    assert (target.host, target.port) == (host, port)
    assert set(target.addresses) <= set(ZONE["public.example"])


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "https://home.example/", "http://[::1]/"])
async def test_a_trial_may_use_private_addresses(url: str) -> None:
    assert (await guard.check(url, resolve, allow_private=True)).addresses


@pytest.mark.parametrize("url", ["http://169.254.169.254/", "https://metadata.example/", "http://[fd00:ec2::254]/"])
async def test_metadata_is_refused_even_in_a_trial(url: str) -> None:
    with pytest.raises(Refused):
        await guard.check(url, resolve, allow_private=True)


async def test_a_name_that_changes_its_mind_is_asked_once() -> None:
    asked = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["93.184.215.14"] if len(asked) == 1 else ["127.0.0.1"]

    target = await guard.check("https://turning.example/", rebinding, allow_private=False)
    assert target.addresses == ("93.184.215.14",)
    with pytest.raises(Refused):
        await guard.check("https://turning.example/", rebinding, allow_private=False)


def message(title: str = "讲座无人值守") -> Message:
    return Message("m1", "opened", "no_duty", "2026-03-02T04:00:00Z", title, ("讲座：[点此](http://x) *急*",))


def test_dingtalk_is_signed_as_its_documentation_says() -> None:
    url = robots.signed("https://oapi.dingtalk.com/robot/send?access_token=x", "this is secret", NOON)
    milliseconds = "1772424000000"
    by_openssl = "tj+CJj9UjvSItzefbXyUe1VKGFDl+4NCvH6Kqzlnp+M="  # printf '%s\nthis is secret' 1772424000000 | openssl dgst -sha256 -hmac 'this is secret' -binary | base64
    assert url.endswith(f"?access_token=x&timestamp={milliseconds}&sign={quote(by_openssl, safe='')}")


def test_a_title_is_no_markup_and_a_long_one_is_cut_between_letters() -> None:
    post = robots.post("wecom", "https://x/", "", message("题" * 5000), NOON)
    content = post.body.decode()
    assert r"\\[点此\\](http://x)" not in content  # cut away
    assert len(content.encode()) < 4200
    short = robots.post("wecom", "https://x/", "", message(), NOON).body.decode()
    assert r"\\[点此\\]" in short
    assert r"\\*急\\*" in short


@pytest.mark.parametrize(
    ("kind", "status", "answer", "code", "final"),
    [
        ("wecom", 200, b'{"errcode":0,"errmsg":"ok"}', "sent", False),
        ("wecom", 200, b'{"errcode":93000,"errmsg":"invalid webhook url"}', "robot_refused", True),
        ("wecom", 200, b'{"errcode":45009,"errmsg":"api freq out of limit"}', "robot_refused", False),
        ("dingtalk", 200, b'{"errcode":310000,"errmsg":"sign not match"}', "robot_refused", True),
        ("dingtalk", 200, b"<html>", "robot_refused", False),
        ("dingtalk", 200, b"[]", "robot_refused", False),
        ("webhook", 204, b"", "sent", False),
        ("webhook", 302, b"", "redirected", True),
        ("webhook", 503, b"", "http_status", False),
        ("webhook", 404, b"", "http_status", True),
    ],
)
def test_what_an_answer_means(kind: str, status: int, answer: bytes, code: str, final: bool) -> None:
    outcome = robots.verdict(kind, status, answer)
    assert (outcome.code, outcome.final) == (code, final)
