"""`/api/v1/people`: accounts, for those who answer for them. People outside the caller's node do not exist (404)."""

from __future__ import annotations

from aiohttp import web

from signaling.api import etags
from signaling.api.openapi import operation
from signaling.api.paging import Page, page_of
from signaling.api.parsing import body, query, reply
from signaling.api.proxy import origin
from signaling.auth import people_documents as shown
from signaling.auth import people_rules as rules
from signaling.auth.identity import Permission, Role
from signaling.auth.people_queries import PersonFilter
from signaling.auth.people_service import Caller, PeopleService
from signaling.auth.service import AuthService
from signaling.directory.service import DirectoryService

ONE = "/api/v1/people/{person_id}"


def routes(auth: AuthService, directory: DirectoryService, people: PeopleService) -> list[web.RouteDef]:
    """Return the routes of people."""
    listed, one = PeopleApi(auth, directory, people), PersonApi(auth, directory, people)
    return [
        web.get("/api/v1/people", listed.people),
        web.post("/api/v1/people", listed.add),
        web.get("/api/v1/people/options", listed.options),
        web.get(ONE, one.person),
        web.patch(ONE, one.change),
        web.post(f"{ONE}/disable", one.disable),
        web.post(f"{ONE}/enable", one.enable),
        web.post(f"{ONE}/invitation", one.invite),
        web.post(f"{ONE}/second-factor/reset", one.reset_second_factor),
        web.post(f"{ONE}/logins/end", one.end_logins),
    ]


class _Api:
    def __init__(self, auth: AuthService, directory: DirectoryService, people: PeopleService) -> None:
        self._auth = auth
        self._directory = directory
        self._people = people

    async def _caller(self, request: web.Request, permission: Permission) -> Caller:
        principal = await self._auth.require(request, permission)
        return await self._people.caller(principal, await self._directory.scope(principal.node))

    async def _entrances(self, ids: list[str]) -> shown.Entrances:
        """How people get in: who has one-time codes, and whose invitation holds until when."""
        enrolled = await self._auth.second_factor.enrolled(ids)
        return shown.Entrances(self._people.agencies, enrolled, await self._auth.invitations.open(ids))

    async def _record(self, caller: Caller, person_id: str) -> tuple[shown.PersonRecord, int]:
        person, holding = await self._people.one(caller, person_id)
        entrances = await self._entrances([person_id])
        return shown.person_record(person, holding, entrances), person.user.version

    async def _reply(self, caller: Caller, person_id: str) -> web.Response:
        record, version = await self._record(caller, person_id)
        return reply(record, 200, etags.header(version))

    async def _invited(self, request: web.Request, caller: Caller, person_id: str, status: int) -> web.Response:
        invitation = await self._auth.invitations.invite(person_id, caller.user_id)
        told = shown.InvitationDocument(url=origin(request) + invitation.path, expires_at=invitation.expires_at)
        record, version = await self._record(caller, person_id)
        return reply(shown.Invited(person=record, invitation=told), status, etags.header(version))


class PeopleApi(_Api):
    """The handlers of the list."""

    @operation("List people", query=shown.PeopleQuery, answer=Page[shown.PersonDocument])
    async def people(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Permission.PERSON_READ)
        wanted = query(request, shown.PeopleQuery)
        narrowed = PersonFilter(
            role=wanted.role or "",
            agency=wanted.agency or "",
            state=wanted.state or "",
            text=wanted.q,
            sort=wanted.sort or "",
            below=None if wanted.node is None else await self._directory.scope(wanted.node),
        )
        items, total = await self._people.page(caller, narrowed, wanted.size, wanted.offset)
        entrances = await self._entrances([item.user.id for item in items])
        documents = [shown.person_document(item, entrances) for item in items]
        return reply(page_of(documents, total, wanted))

    @operation("Add a person, with the invitation to tell them", body=shown.NewPerson, answer=shown.Invited, status=201)
    async def add(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Permission.PERSON_EDIT)
        order = await body(request, shown.NewPerson)
        user = await self._people.add(caller, order.model_dump())
        return await self._invited(request, caller, user.id, 201)

    @operation("Tell which roles the caller may give, and the agencies", answer=shown.PeopleOptions)
    async def options(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Permission.PERSON_READ)
        given = [role for role in Role if role in rules.giveable(caller.post)]
        roles = [shown.RoleDocument(role=role, levels=sorted(rules.LEVELS[role])) for role in given]
        agencies = [shown.AgencyDocument(key=agency.key, name=agency.name) for agency in self._people.agencies]
        return reply(shown.PeopleOptions(roles=roles, agencies=agencies))


class PersonApi(_Api):
    """The handlers of one person."""

    @operation("Read a person", answer=shown.PersonRecord)
    async def person(self, request: web.Request) -> web.Response:
        caller = await self._caller(request, Permission.PERSON_READ)
        return await self._reply(caller, request.match_info["person_id"])

    @operation(
        "Change a person; other rights end their logins",
        body=shown.PersonEdit,
        answer=shown.PersonRecord,
        if_match=True,
    )
    async def change(self, request: web.Request) -> web.Response:
        caller, person_id = await self._addressed(request)
        person, _ = await self._people.one(caller, person_id)
        etags.require(request, person.user.version)
        order = await body(request, shown.PersonEdit)
        given = order.model_dump(exclude_unset=True).items()
        values = {name: value for name, value in given if value is not None or name == "agency"}
        await self._people.change(caller, person_id, person.user.version, values)
        return await self._reply(caller, person_id)

    @operation("Let a person in no more and end their logins", answer=shown.PersonRecord)
    async def disable(self, request: web.Request) -> web.Response:
        caller, person_id = await self._addressed(request)
        await self._people.disable(caller, person_id)
        return await self._reply(caller, person_id)

    @operation("Let a person in again", answer=shown.PersonRecord)
    async def enable(self, request: web.Request) -> web.Response:
        caller, person_id = await self._addressed(request)
        await self._people.enable(caller, person_id)
        return await self._reply(caller, person_id)

    @operation("Invite a person again, to set a new password", answer=shown.Invited, status=201)
    async def invite(self, request: web.Request) -> web.Response:
        caller, person_id = await self._addressed(request)
        await self._people.to_let_in(caller, person_id)
        return await self._invited(request, caller, person_id, 201)

    @operation("Take the second factor from a person who has lost it", answer=shown.PersonRecord)
    async def reset_second_factor(self, request: web.Request) -> web.Response:
        caller, person_id = await self._addressed(request)
        await self._people.to_let_in(caller, person_id)
        await self._auth.second_factor.reset(person_id, caller.user_id)
        return await self._reply(caller, person_id)

    @operation("End every login of a person", answer=shown.PersonRecord)
    async def end_logins(self, request: web.Request) -> web.Response:
        caller, person_id = await self._addressed(request)
        await self._people.end_logins(caller, person_id)
        return await self._reply(caller, person_id)

    async def _addressed(self, request: web.Request) -> tuple[Caller, str]:
        return await self._caller(request, Permission.PERSON_EDIT), request.match_info["person_id"]
