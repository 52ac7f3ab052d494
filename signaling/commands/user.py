"""`jiangtang user`: the people of a server, from its own machine."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy.exc import IntegrityError

from config.agencies import AgencyFileError
from config.regions import Region, RegionFileError, load_regions
from config.settings import Settings
from signaling.auth.agencies import Agencies
from signaling.auth.identity import Role
from signaling.auth.models import User
from signaling.auth.password_policy import LONGEST
from signaling.auth.people_rules import LEVELS, Level
from signaling.auth.service import AuthService
from signaling.commands import settings as options_of
from signaling.commands.serve import base_url
from signaling.db.migrate import SchemaError, upgrade
from signaling.db.opening import open_database
from signaling.listen import StartError

WHY = {
    "too_short": "is shorter than {shortest} characters",
    "too_long": "is longer than {longest} characters",
    "few_kinds": "has fewer than {kinds} kinds of characters",
    "few_letters": "is made of very few different characters",
    "row": "is a row on the keyboard",
    "common": "is a well-known one",
    "like_login": "holds the login",
    "like_name": "holds the name",
}
Action = Callable[[AuthService, Settings, argparse.Namespace], Awaitable[int]]


def add_to(commands: Any) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("user", help="add people, list them, let them in again")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add a person; the password is asked for, or read from a pipe")
    add.add_argument("login")
    add.add_argument("--name", required=True)
    add.add_argument("--role", required=True, choices=[role.value for role in Role])
    add.add_argument(
        "--node", default="", help="code of the region or school of the role; the prefecture when left out"
    )
    add.add_argument("--agency", help="key of an agency of the prefecture (config/agencies.toml) that narrows the role")
    listing = actions.add_parser("list", help="list people")
    passwd = actions.add_parser("passwd", help="change a password and end that person's logins")
    passwd.add_argument("login")
    invite = actions.add_parser("invite", help="print a link by which a person sets a password")
    invite.add_argument("login")
    reset = actions.add_parser("reset-codes", help="turn off the one-time codes of a person whose telephone is lost")
    reset.add_argument("login")
    functions = ((add, _add), (listing, _list), (passwd, _passwd), (invite, _invite), (reset, _reset_codes))
    for action, function in functions:
        options_of.add_options(action)
        action.set_defaults(run=run, act=function)


def run(options: argparse.Namespace) -> int:
    """Do it; return the exit code."""
    try:
        settings = options_of.read(options)
    except options_of.SettingsError as error:
        return options_of.report(error)
    try:
        return asyncio.run(_with_service(settings, options))
    except (AgencyFileError, RegionFileError) as error:
        return options_of.report(error)
    except (StartError, SchemaError) as error:
        print(f"jiangtang: {error}", file=sys.stderr)
        return 1


async def _with_service(settings: Settings, options: argparse.Namespace) -> int:
    agencies = Agencies.of_file(settings.server.agencies_file)
    db = open_database(settings)
    auth = AuthService(db, settings.auth, agencies=agencies)
    action: Action = options.act
    try:
        await upgrade(db)
        return await action(auth, settings, options)
    finally:
        auth.close()
        await db.close()


async def _add(auth: AuthService, settings: Settings, options: argparse.Namespace) -> int:
    regions = load_regions(settings.server.regions_file)
    node, role, agency = options.node or regions[0].code, Role(options.role), options.agency
    refused = _refusal(role, _level(node, regions), agency, auth.agencies)
    if refused:
        print(f"jiangtang: {refused}", file=sys.stderr)
        return 1
    password = _ask_password()
    if password is None or not _is_good(auth, password, options.role, options.login, options.name):
        return 1
    try:
        user = await auth.add_user(options.login, options.name, role, node, password, agency)
    except IntegrityError:
        print(f"jiangtang: there is a login {options.login!r} already", file=sys.stderr)
        return 1
    await auth.audit("system", "person.added", user.id, login=user.login, role=role, node=node, agency=agency)
    print(f"added {user.login}")
    return 0


def _level(node: str, regions: Sequence[Region]) -> Level:
    """Return the level of a node; what is no region is taken for a school, which may come with a later import."""
    return {region.code: region.level for region in regions}.get(node, "school")


def _refusal(role: Role, level: Level, agency: str | None, agencies: Agencies) -> str:
    """Return why nobody can have that post; empty when somebody can."""
    if level not in LEVELS[role]:
        return f"{role} is not held at a {level}; choose another --node"
    if agency is not None and agency not in agencies:
        return f"there is no agency {agency!r}; there are: {', '.join(one.key for one in agencies) or 'none'}"
    if agency is not None and level != "prefecture":
        return "agencies are at the prefecture; leave --node or --agency out"
    return ""


async def _list(auth: AuthService, settings: Settings, options: argparse.Namespace) -> int:
    for user in await auth.users():
        state = "disabled" if user.disabled_at else "active"
        print(f"{user.login}\t{user.name}\t{user.role}\t{user.node}\t{user.agency or '-'}\t{state}")
    return 0


async def _passwd(auth: AuthService, settings: Settings, options: argparse.Namespace) -> int:
    user = await _known(auth, options.login)
    if user is None:
        return 1
    password = _ask_password()
    if password is None or not _is_good(auth, password, user.role, user.login, user.name):
        return 1
    await auth.set_password(user.id, password)
    print(f"changed the password of {user.login}")
    return 0


async def _invite(auth: AuthService, settings: Settings, options: argparse.Namespace) -> int:
    user = await _known(auth, options.login)
    if user is None:
        return 1
    invited = await auth.invitations.invite(user.id, "system")
    print(f"{base_url(settings, settings.http.port)}{invited.path}")
    return 0


async def _reset_codes(auth: AuthService, settings: Settings, options: argparse.Namespace) -> int:
    user = await _known(auth, options.login)
    if user is None:
        return 1
    was_on = await auth.second_factor.reset(user.id, "system")
    print(f"{user.login} {'logs in without one-time codes' if was_on else 'has no one-time codes'}")
    return 0


async def _known(auth: AuthService, login: str) -> User | None:
    user = await auth.user(login)
    if user is None:
        print(f"jiangtang: there is no login {login!r}", file=sys.stderr)
    return user


def _is_good(auth: AuthService, password: str, role: str, login: str, name: str) -> bool:
    policy = auth.account.policy(role)
    reasons = policy.reasons(password, login, name)
    for reason in reasons:
        told = WHY[reason].format(shortest=policy.shortest, longest=LONGEST, kinds=policy.kinds)
        print(f"jiangtang: the password {told}", file=sys.stderr)
    return not reasons


def _ask_password() -> str | None:
    """Read a password twice from the terminal, or one line from a pipe; None when it will not do."""
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ")
        same = getpass.getpass("Again: ") == password
    else:
        password, same = sys.stdin.readline().rstrip("\n"), True
    if not same:
        print("jiangtang: the two passwords differ", file=sys.stderr)
        return None
    return password
