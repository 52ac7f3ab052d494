"""The documents of imports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from signaling.api.paging import PageQuery
from signaling.directory.documents import NodeName
from signaling.directory.import_jobs import Step
from signaling.directory.import_jobs_service import ListedJob

ImportKind = Literal["schools", "classes", "teachers"]
ImportState = Literal["checking", "checked", "refused", "committing", "done", "failed"]
JobId = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]


class Upload(BaseModel):
    """What a file is; the file itself is the body. `corrects` names an import whose good rows are taken along with this file."""

    model_config = ConfigDict(extra="forbid")

    kind: ImportKind
    name: Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f/\\]*$")]
    corrects: JobId | None = None


class ImportQuery(PageQuery):
    """What narrows the list of imports."""

    kind: ImportKind | None = None
    state: ImportState | None = None


class ChangeQuery(PageQuery):
    """Which changes: rows that are there and would differ, or rows that would be new."""

    action: Literal["changed", "new"] = "changed"


class ErrorsFileQuery(BaseModel):
    """How the text of a CSV is written."""

    model_config = ConfigDict(extra="forbid")

    encoding: Literal["utf-8", "gb18030"] = "utf-8"


class Counts(BaseModel):
    """Rows by what they would do, or did."""

    new: int
    changed: int
    unchanged: int
    bad: int


class Failure(BaseModel):
    """Why a file as a whole is refused, or why an import came to nothing."""

    code: str
    detail: str


class Person(BaseModel):
    """Who did it."""

    id: str
    name: str


class ImportDocument(BaseModel):
    """An import: `rows_read` of `rows_total` in `phase` while it is checked or committed; `source` is the format or encoding found."""

    id: str
    kind: ImportKind
    state: ImportState
    phase: str
    rows_read: int
    rows_total: int
    file_name: str
    file_bytes: int
    source: str
    corrects: str | None
    counts: Counts
    failure: Failure | None
    node: NodeName
    by: Person
    created_at: datetime
    checked_at: datetime | None
    finished_at: datetime | None
    version: int


class BadRow(BaseModel):
    """A bad row: where, what stands there, why not (`code` with `params`, and the sentence in Chinese)."""

    line: int
    column: str
    value: str
    code: str
    params: dict[str, int]
    reason: str


class ChangedField(BaseModel):
    """One column of a row; `before` is null for a new row."""

    column: str
    before: str | None
    after: str


class ChangedRow(BaseModel):
    """What a row would change."""

    line: int
    label: str
    fields: list[ChangedField]


def import_document(item: ListedJob, step: Step) -> ImportDocument:
    """Return the document of an import."""
    job = item.job
    running = job.state in {"checking", "committing"}
    return ImportDocument(
        id=job.id,
        kind=cast(ImportKind, job.kind),
        state=cast(ImportState, job.state),
        phase=step.phase if running else "",
        rows_read=step.done if running else job.rows,
        rows_total=step.of if running else job.rows,
        file_name=job.file_name,
        file_bytes=job.file_bytes,
        source=job.source,
        corrects=job.corrects,
        counts=Counts(new=job.added, changed=job.changed, unchanged=job.same, bad=job.bad),
        failure=Failure(code=job.failure, detail=job.detail) if job.failure else None,
        node=NodeName(code=job.node, name=item.node),
        by=Person(id=job.actor, name=item.actor),
        created_at=job.created_at,
        checked_at=job.checked_at,
        finished_at=job.finished_at,
        version=job.version,
    )
