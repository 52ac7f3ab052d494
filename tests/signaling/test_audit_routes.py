"""Whatever changes something is in the audit log: every route that takes more than a question names its action, or why it has none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from config.settings import load
from signaling.app import Node
from signaling.auth.actions import sentences
from tests.support.rights import listed

API: Final = "/api/v1"
LECTURE, PERSON, IMPORT = "/lectures/{lecture_id}", "/people/{person_id}", "/imports/{import_id}"
WRITTEN: Final = {
    "POST /session": "login.succeeded login.failed",
    "POST /session/code": "login.succeeded totp.failed",
    "POST /session/invitation": "login.invited invitation.unknown",
    "DELETE /session": "login.left",
    "POST /invited/password": "password.set",
    "POST /account/password": "password.changed",
    "POST /account/totp/confirm": "totp.on",
    "POST /account/totp/codes": "totp.codes_renewed",
    "POST /account/totp/off": "totp.off",
    "DELETE /account/logins": "login.others_ended",
    "DELETE /account/logins/{login_id}": "login.ended",
    "POST /people": "person.added person.invited",
    f"PATCH {PERSON}": "person.changed",
    f"POST {PERSON}/disable": "person.disabled",
    f"POST {PERSON}/enable": "person.enabled",
    f"POST {PERSON}/invitation": "person.invited",
    f"POST {PERSON}/logins/end": "person.logins_ended",
    f"POST {PERSON}/second-factor/reset": "totp.reset",
    "POST /schools": "school.added",
    "PATCH /schools/{school_code}": "school.changed",
    "POST /schools/{school_code}/events": "school.closed school.merged school.renamed school.moved school.recoded",
    "POST /schools/{school_code}/classes": "class.added",
    "POST /schools/{school_code}/teachers": "teacher.added",
    "POST /schools/{school_code}/calendar/renew": "calendar.renewed",
    "POST /schools/{school_code}/homes/{lecture_id}/links": "home.link_made home.link_renewed",
    "POST /schools/{school_code}/trainings/{lecture_id}/marks": "training.ticked training.unticked",
    "PUT /schools/{school_code}/assessments/{kind}/{day}": "assessment.entered",
    "PATCH /classes/{class_id}": "class.changed",
    "POST /classes/{class_id}/close": "class.closed",
    "PATCH /teachers/{teacher_id}": "teacher.changed",
    "POST /teachers/{teacher_id}/leave": "teacher.left",
    "POST /teachers/{teacher_id}/return": "teacher.returned",
    "PUT /terms/{region}/{term}": "term.set",
    "DELETE /terms/{region}/{term}": "term.removed",
    "POST /imports": "import.begun",
    f"DELETE {IMPORT}": "import.discarded",
    f"POST {IMPORT}/check": "import.rechecked",
    f"POST {IMPORT}/commit": "import.ordered",
    "POST /pairings/lookup": "pairing.wrong_code",
    "POST /pairings/{pairing_id}/confirm": "screen.paired",
    "POST /pairings/{pairing_id}/refuse": "pairing.refused",
    "POST /screens/repair": "screen.repaired",
    "POST /screens/{screen_id}/revoke": "screen.revoked",
    "POST /screens/{screen_id}/sticker": "screen.sticker_renewed",
    "POST /experts": "expert.added",
    "PATCH /experts/{expert_id}": "expert.changed",
    "POST /lectures": "lecture.planned",
    f"PATCH {LECTURE}": "lecture.changed",
    f"POST {LECTURE}/submit": "lecture.submitted",
    f"POST {LECTURE}/review": "lecture.approved lecture.returned",
    f"POST {LECTURE}/call-off": "lecture.called_off",
    **{
        f"POST {LECTURE}/{order}": f"lecture.{word}"
        for order, word in {
            "open": "opened", "start": "started", "pause": "paused", "resume": "resumed", "end": "ended", "cut": "cut",
        }.items()
    },
    f"POST {LECTURE}/ticket": "lecture.ticket_minted",
    f"POST {LECTURE}/rehearsal": "lecture.rehearsed",
    f"POST {LECTURE}/stream-key": "lecture.key_made",
    f"DELETE {LECTURE}/stream-key": "lecture.key_revoked",
    f"POST {LECTURE}/invitation": "lecture.invited",
    f"DELETE {LECTURE}/invitation": "lecture.invitation_revoked",
    f"POST {LECTURE}/rating": "expert.rated",
    f"PUT {LECTURE}/duty": "duty.changed",
    "POST /alerts/{alert_id}/acknowledge": "alert.acknowledged",
    "POST /alerts/{alert_id}/contacted": "alert.contacted",
    f"POST {LECTURE}/urgings": "lecture.urged",
    f"POST {LECTURE}/missing/{{school_code}}/contacted": "school.called",
    "POST /channels": "channel.added",
    "PATCH /channels/{channel_id}": "channel.changed",
    "DELETE /channels/{channel_id}": "channel.removed",
    "POST /channels/{channel_id}/test": "channel.tried",
    "POST /corrections": "correction.requested",
    "POST /corrections/{correction_id}/decision": "correction.approved correction.rejected",
    "POST /corrections/{correction_id}/withdrawal": "correction.withdrawn",
    "POST /faults": "fault.recorded",
    "PATCH /faults/{fault_id}": "fault.changed",
    "PUT /terms/{region}/{term}/books": "term.closed term.reopened",
    "POST /recordings/{recording_id}/approve": "recording.approved",
    "POST /recordings/{recording_id}/withdraw": "recording.withdrawn",
}  # fmt: skip
"""Route under the API -> the actions that it writes."""

SILENT: Final = {
    "POST /screens/{screen_id}/reports": "a screen tells what it shows; the ledger keeps it",
    "POST /screens/{screen_id}/answers": "the ledger keeps the answer",
    "POST /screens/{screen_id}/confirmation": "the ledger keeps the head-count, from which screen and when",
    f"POST {LECTURE}/classes/{{class_id}}/confirmation": "the ledger keeps the head-count, by whom and when",
    "POST /screens/{screen_id}/training-code": "a question",
    "POST /home/visits": "a question",
    "POST /training/arrivals": "a question",
    "POST /training/names": "a question",
    "POST /training/signs": "the mark itself is kept and never changed",
    "POST /invited": "asks for whom a link is",
    "POST /account/totp": "nothing holds before it is confirmed",
    f"POST {LECTURE}/urgings/preview": "a question",
    "POST /urgings/{urging_id}/receipts": "the receipt itself is kept and never changed, by whom and when",
    "POST /lectures/conflicts": "a question",
    "POST /lectures/preview": "a question",
    "POST /corrections/preview": "a question",
    "POST /faults/preview": "a question",
    "POST /line-tests/upload": "bytes that are counted and forgotten",
    "POST /line-tests/connection": "a connection without a lecture, gone after some seconds",
    "POST /screens/{screen_id}/line-tests": "a screen tells how its line is",
    "POST /pairings": "a screen shows a code; whoever confirms it is written down",
    "POST /screens/{screen_id}/watch": "a screen asks what to do, every few seconds",
    "POST /screens/{screen_id}/recordings/{recording_id}/watch": "reading",
    "POST /recordings/{recording_id}/watch": "reading",
    "POST /rehearsals/{rehearsal_id}/watch": "reading",
    "POST /rehearsals/{rehearsal_id}/ticket": "nobody sees a rehearsal; who began it is written down",
    **{
        f"POST /rehearsals/{{rehearsal_id}}/{order}": "nobody sees a rehearsal; who began it is written down"
        for order in ("start", "pause", "resume", "end")
    },
}
"""Route under the API -> why it writes nothing."""


def test_every_route_that_changes_something_is_in_the_audit_log(tmp_path: Path) -> None:
    media = {"port": 0, "hosts": ["127.0.0.1"]}
    node = Node(load(overrides={"server": {"data_dir": tmp_path}, "media": media}))
    changing = [
        f"{method} {path.removeprefix(API)}" for method, path in listed(node) if method != "GET" and API in path
    ]
    assert set(changing) == {*WRITTEN, *SILENT}


def test_what_routes_write_has_a_sentence() -> None:
    written = {action for actions in WRITTEN.values() for action in actions.split()}
    assert written - set(sentences()) == set()
