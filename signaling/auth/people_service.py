"""The people of a node: added, changed, disabled by those who may give their roles (`people_rules`). Every change is audited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from signaling.api import etags
from signaling.api.problems import Problem, not_found
from signaling.auth import people_queries as queries
from signaling.auth import people_rules as rules
from signaling.auth.agencies import Agencies
from signaling.auth.identity import Principal, Role
from signaling.auth.logins_service import end_all
from signaling.auth.models import User
from signaling.auth.people_rules import Level, Post
from signaling.auth.trail import entry
from signaling.db.base import utc_now
from signaling.db.engine import Database
from signaling.directory.lifecycle import wrong
from signaling.directory.models import Region, RegionAlias, School, SchoolAlias
from signaling.directory.queries import Scope, number_of, part

RIGHTS: Final = ("role", "node", "agency")
REFUSED: Final[Mapping[str, tuple[int, str]]] = {
    "wrong_level": (422, "the role is not held at a node of that level"),
    "agency_elsewhere": (422, "agencies are at the prefecture"),
    "not_yours_to_give": (403, "your role does not give this one"),
    "more_than_yours": (403, "these rights are more than yours"),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who changes people, and whom they may see."""

    user_id: str
    post: Post
    scope: Scope


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as lists show them: the person, the node's name and level, the last login, whether the caller may change them."""

    user: User
    node_name: str
    level: Level | None
    last_login: datetime | None
    managed: bool


async def _nothing_more(user_id: str) -> None:
    """Nobody is connected."""


class PeopleService:
    """The door to people. `logins_ended` is told whose logins are over, when that is committed."""

    def __init__(self, db: Database, agencies: Agencies, clock: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self.agencies = agencies
        self._clock = clock
        self.logins_ended: Callable[[str], Awaitable[None]] = _nothing_more

    async def caller(self, principal: Principal, scope: Scope) -> Caller:
        """Return the caller of a request with their post."""
        async with self._db.reading() as session:
            level = (await _nodes(session, [principal.node])).get(principal.node, ("", None))[1]
        post = Post(principal.role, level, principal.agency, principal.permissions)
        return Caller(principal.user_id, post, scope)

    async def page(
        self, caller: Caller, wanted: queries.PersonFilter, limit: int, offset: int
    ) -> tuple[list[Person], int]:
        """Return a page of the people whom the caller may see, and how many there are in all."""
        statement = queries.people(caller.scope, wanted)
        async with self._db.reading() as session:
            users = list(await session.scalars(part(statement, User.id, limit, offset)))
            total = await session.scalar(number_of(statement.with_only_columns(User.id)))
            return await self._shown(session, users, caller), total or 0

    async def one(self, caller: Caller, person_id: str) -> tuple[Person, int]:
        """Return somebody with the number of their logins that hold; raise 404."""
        async with self._db.reading() as session:
            user = await _visible(session, caller, person_id)
            holding = await session.scalar(queries.open_logins(person_id, self._clock()))
            return (await self._shown(session, [user], caller))[0], holding or 0

    async def _shown(self, session: AsyncSession, users: list[User], caller: Caller) -> list[Person]:
        named = await _nodes(session, [user.node for user in users])
        logins = dict(iter(await session.execute(queries.last_logins(user.id for user in users))))
        shown = []
        for user in users:
            name, level = named.get(user.node, (user.node, None))
            managed = user.id != caller.user_id and rules.manages(caller.post, self._post(user, level))
            shown.append(Person(user, name, level, logins.get(user.id), managed))
        return shown

    def _post(self, user: User, level: Level | None) -> Post:
        role = Role(user.role)
        return Post(role, level, user.agency, self.agencies.rights(role, user.agency))

    async def add(self, caller: Caller, values: Mapping[str, Any]) -> User:
        """Add somebody who has no password yet; raise 409 `login_taken`, 422 or 403 as `people_rules.refusal` says."""
        async with self._db.writing() as session:
            taken = await session.scalar(select(User.id).where(User.login == values["login"]))
            node, _ = await self._allowed(session, caller, values["role"], values["node"], values["agency"])
            if taken is not None:
                raise Problem(409, "login_taken", "somebody has this login", errors=[wrong("login", "login_taken")])
            user = User(**{**values, "node": node, "password_hash": queries.WITHOUT_PASSWORD})
            user.created_at = self._clock()
            session.add(user)
            await session.flush()
            detail = {name: getattr(user, name) for name in ("login", *RIGHTS)}
            session.add(entry(self._clock(), caller.user_id, "person.added", user.id, detail))
        return user

    async def change(self, caller: Caller, person_id: str, version: int, values: Mapping[str, Any]) -> None:
        """Change somebody of this version; other rights end their logins. Raise 404, 403, 409, 412 or 422."""
        async with self._db.writing() as session:
            user = await _visible(session, caller, person_id)
            if user.version != version:
                raise etags.changed_meanwhile(user.version)
            wanted = {name: value for name, value in values.items() if getattr(user, name) != value}
            if user.id != caller.user_id or not wanted.keys() <= {"name"}:
                await self._manage(session, caller, user)
            if wanted.keys() & set(RIGHTS):
                await self._move(session, caller, user, wanted)
            before = {name: getattr(user, name) for name in wanted}
            for name, value in wanted.items():
                setattr(user, name, value)
            if wanted:
                user.version += 1
                detail = {"before": before, "after": wanted}
                session.add(entry(self._clock(), caller.user_id, "person.changed", user.id, detail))
        if wanted.keys() & set(RIGHTS):
            await self.logins_ended(person_id)

    async def _move(self, session: AsyncSession, caller: Caller, user: User, wanted: dict[str, Any]) -> None:
        role, node, agency = (wanted.get(name, getattr(user, name)) for name in RIGHTS)
        wanted["node"], _ = await self._allowed(session, caller, Role(role), node, agency)
        if wanted["node"] == user.node:
            del wanted["node"]
        stays = rules.is_whole(Role(role), agency, disabled=user.disabled_at is not None)
        await self._keep_one(session, user, stays=stays)
        if wanted.keys() & set(RIGHTS):
            await end_all(session, user.id, self._clock())

    async def disable(self, caller: Caller, person_id: str) -> None:
        """Let somebody in no more and end their logins at once; raise 404, 403 or 409 `yourself`, `last_administrator`."""
        async with self._db.writing() as session:
            user = await self._managed(session, caller, person_id)
            if user.disabled_at is not None:
                return
            await self._keep_one(session, user, stays=False)
            user.disabled_at = self._clock()
            user.version += 1
            await end_all(session, user.id, self._clock())
            session.add(entry(self._clock(), caller.user_id, "person.disabled", user.id, {"login": user.login}))
        await self.logins_ended(person_id)

    async def enable(self, caller: Caller, person_id: str) -> None:
        """Let somebody in again with the password that they had; raise 404 or 403, or as `people_rules.refusal` says."""
        async with self._db.writing() as session:
            user = await self._managed(session, caller, person_id)
            if user.disabled_at is None:
                return
            await self._allowed(session, caller, Role(user.role), user.node, user.agency)
            user.disabled_at = None
            user.version += 1
            session.add(entry(self._clock(), caller.user_id, "person.enabled", user.id, {"login": user.login}))

    async def end_logins(self, caller: Caller, person_id: str) -> None:
        """End every login of somebody; raise 404 or 403."""
        async with self._db.writing() as session:
            user = await self._managed(session, caller, person_id)
            await end_all(session, user.id, self._clock())
            session.add(entry(self._clock(), caller.user_id, "person.logins_ended", user.id))
        await self.logins_ended(person_id)

    async def to_let_in(self, caller: Caller, person_id: str) -> User:
        """Return somebody whom the caller may invite or whose second factor they may reset; raise 404, 403 or 409."""
        async with self._db.reading() as session:
            user = await self._managed(session, caller, person_id)
            if user.disabled_at is not None:
                raise Problem(409, "person_disabled", "enable this person first")
            return user

    async def _managed(self, session: AsyncSession, caller: Caller, person_id: str) -> User:
        user = await _visible(session, caller, person_id)
        await self._manage(session, caller, user)
        return user

    async def _manage(self, session: AsyncSession, caller: Caller, user: User) -> None:
        if user.id == caller.user_id:
            raise Problem(409, "yourself", "somebody else has to do this to you")
        level = (await _nodes(session, [user.node])).get(user.node, ("", None))[1]
        if not rules.manages(caller.post, self._post(user, level)):
            raise Problem(403, "not_yours_to_change", "your role does not manage this person")

    async def _keep_one(self, session: AsyncSession, user: User, *, stays: bool) -> None:
        was = rules.is_whole(Role(user.role), user.agency, disabled=user.disabled_at is not None)
        whole = await session.scalar(queries.whole_administrators()) or 0
        if rules.leaves_nobody(whole, was=was, stays=stays):
            raise Problem(409, "last_administrator", "the last prefecture administrator without an agency stays")

    async def _allowed(
        self, session: AsyncSession, caller: Caller, role: Role, code: str, agency: str | None
    ) -> tuple[str, Level]:
        """Return code and level of the node at which the caller may give this post, or raise the problem."""
        if agency is not None and agency not in self.agencies:
            raise Problem(422, "unknown_agency", "no such agency", errors=[wrong("agency", "unknown_agency")])
        found = await _covered(session, caller.scope, code)
        if found is None:
            raise Problem(422, "unknown_node", "no such node", errors=[wrong("node", "unknown_node")])
        wanted = Post(role, found[1], agency, self.agencies.rights(role, agency))
        refused = rules.refusal(caller.post, wanted)
        if refused is not None:
            field, reason = refused
            status, title = REFUSED[reason]
            raise Problem(status, reason, title, errors=[wrong(field, reason)])
        return found


async def _visible(session: AsyncSession, caller: Caller, person_id: str) -> User:
    user = await session.scalar(queries.person(caller.scope, person_id))
    if user is None:
        raise not_found("person")
    return user


async def _nodes(session: AsyncSession, codes: list[str]) -> dict[str, tuple[str, Level | None]]:
    rows = await session.execute(queries.nodes(codes))
    return {code: (name, _level(level)) for code, name, level in rows}


def _level(text: str) -> Level | None:
    levels: dict[str, Level] = {"prefecture": "prefecture", "county": "county", "school": "school"}
    return levels.get(text)


async def _covered(session: AsyncSession, scope: Scope, code: str) -> tuple[str, Level] | None:
    """Return code and level of a node, found by an older code as well, if the scope covers it."""
    region = await session.get(Region, code)
    if region is None and (alias := await session.get(RegionAlias, code)) is not None:
        region = await session.get(Region, alias.region_code)
    if region is not None:
        level = _level(region.level)
        return (region.code, level) if level is not None and scope.includes_region(region.code) else None
    former = await session.get(SchoolAlias, code)
    school = await session.get(School, code if former is None else former.school_code)
    if school is None or not scope.includes(school.region_code, school.code):
        return None
    return school.code, "school"
