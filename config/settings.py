"""The typed loader of the settings.

Three layers, each overriding the one before: `default.toml` beside this module, a TOML file named by the operator,
environment variables `JIANGTANG_<SECTION>__<KEY>`. A key that is in none of the models below is an error: a misspelt
setting must not be silently ignored.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

DEFAULT_FILE = Path(__file__).with_name("default.toml")

Port = Annotated[int, Field(ge=0, le=65535)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]
DayOfYear = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$")]


class Section(BaseModel):
    """A table of the settings file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """`[server]`"""

    data_dir: Path
    node: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
    regions_file: str
    agencies_file: str
    shutdown_seconds: Positive
    restart_window_seconds: Positive


class HttpSettings(Section):
    """`[http]`"""

    host: str
    port: Port
    public_url: str
    trusted_proxies: list[str]
    max_body_bytes: Count


class TlsSettings(Section):
    """`[tls]`"""

    cert: str
    key: str

    @model_validator(mode="after")
    def _both_or_neither(self) -> TlsSettings:
        if bool(self.cert) != bool(self.key):
            raise ValueError("tls.cert and tls.key must be set together")
        return self


class MediaSettings(Section):
    """`[media]`"""

    port: Port
    hosts: list[str]
    advertised: list[str]
    loopback: bool
    handshake_seconds: Positive
    consent_seconds: Positive
    path_silence_seconds: Positive
    socket_buffer_bytes: Count
    dtls_queue: Count
    addresses: Annotated[int, Field(ge=2)]
    ssrcs: Count
    handshakes: Count
    joins_per_second: Positive
    sessions: Count


class SdpSettings(Section):
    """`[sdp]`"""

    max_bytes: Count
    max_lines: Count
    max_rtpmaps: Count
    max_media: Count


class ForwardSettings(Section):
    """`[forward]`"""

    twin: Literal["auto", "native", "python"]
    send_threads: Annotated[int, Field(ge=0, le=16)]
    ring_seconds: Positive
    ring_bytes: Count
    pli_interval_seconds: Positive
    pli_repeat_seconds: Positive
    idr_interval_seconds: Positive
    gop_burst_bytes: Count
    gop_egress_bits: Count
    gop_viewer_bits: Count
    viewer_wish_seconds: Positive
    nack_budget: Annotated[float, Field(ge=0, le=1)]
    max_bitrate: Count
    min_bitrate: Count
    start_bitrate: Count
    sweep_queue: Count


class RecorderSettings(Section):
    """`[recorder]`"""

    reorder_seconds: Positive
    part_seconds: Positive
    queue_packets: Count
    aac_bitrate: Count
    min_free_bytes: Annotated[int, Field(ge=0)]
    segment_seconds: Annotated[float, Field(ge=1, le=7)]
    admission_hours: Annotated[float, Field(ge=0)]
    admission_bits: Count
    warn_free_share: Annotated[float, Field(ge=0, le=1)]


class HlsSettings(Section):
    """`[hls]`"""

    window_seconds: Annotated[float, Field(ge=24)]
    waiting_requests: Count
    farewell_seconds: Annotated[float, Field(ge=0)]
    receipt_seconds: Count


class StoreSettings(Section):
    """`[store]`"""

    url: Annotated[str, Field(pattern=r"^(s3://[^/]+(/.*)?)?$")]
    endpoint: str
    region: str
    access_key: Annotated[str, Field(repr=False)]
    secret_key: Annotated[str, Field(repr=False)]
    presign_seconds: Count
    retry_seconds: Positive
    local_days: Annotated[int, Field(ge=0)]


class RetentionSettings(Section):
    """`[retention]`"""

    automatic: bool
    recording_days: Annotated[int, Field(ge=183)]
    hour: Annotated[int, Field(ge=0, le=23)]


class DatabaseSettings(Section):
    """`[database]`"""

    url: str
    password_file: str
    pool_size: Count
    connect_seconds: Count
    statement_seconds: Count


class AuthSettings(Section):
    """`[auth]`"""

    ticket_seconds: Count
    watch_token_seconds: Count
    login_seconds: Count
    idle_seconds: Count
    seen_seconds: Count
    login_attempts: Count
    longest_wait_seconds: Positive
    hash_threads: Annotated[int, Field(ge=0)]
    hash_queue: Count
    hash_wait_seconds: Positive
    hash_memory_kib: Annotated[int, Field(ge=64)]
    hash_passes: Count
    failures_told: Count
    password_shortest: Annotated[int, Field(gt=0, le=64)]
    password_shortest_admin: Annotated[int, Field(gt=0, le=64)]
    password_kinds: Annotated[int, Field(ge=1, le=4)]
    invitation_seconds: Count
    totp_roles: list[
        Literal["prefecture_admin", "county_admin", "school_admin", "operator", "auditor", "reviewer", "lecturer"]
    ]
    totp_required: Literal["always", "never", "except_demo"]
    totp_issuer: Annotated[str, Field(pattern=r"^[^:]{1,40}$")]
    half_login_seconds: Count
    half_login_tries: Count
    longest_code_wait_seconds: Positive
    enrolment_seconds: Count

    @model_validator(mode="after")
    def _idle_after_seen(self) -> AuthSettings:
        if self.idle_seconds <= self.seen_seconds:
            raise ValueError("auth.idle_seconds must be more than auth.seen_seconds")
        return self


class AuditSettings(Section):
    """`[audit]`"""

    retention_days: Annotated[int, Field(ge=180)]
    export_rows: Count
    count_rows: Count


class TermsSettings(Section):
    """`[terms]`"""

    first: tuple[DayOfYear, DayOfYear]
    second: tuple[DayOfYear, DayOfYear]
    earliest: DayOfYear
    latest: DayOfYear


class LecturesSettings(Section):
    """`[lectures]`"""

    kindergarten_minutes: Count
    class_minutes: Count
    key_minutes_before: Count
    key_minutes_after: Count
    calendar_days_back: Count
    calendar_days_ahead: Count
    office_name: Annotated[str, Field(min_length=1, max_length=64)]
    office_mail: Annotated[str, Field(max_length=128)]


class ScreensSettings(Section):
    """`[screens]`"""

    code_seconds: Count
    code_attempts: Count
    codes_alive: Count
    codes_alive_per_address: Count
    repairs_per_day: Count
    seen_remembered: Count
    nonce_seconds: Count
    proofs_remembered: Count
    tested_days: Count


class LineTestsSettings(Section):
    """`[line_tests]`"""

    download_bytes: Count
    upload_bytes: Count
    seconds: Positive
    bytes_per_second: Count
    downloads_alive: Count
    probes_per_second: Positive
    probes_alive: Count
    probe_seconds: Positive
    requests_per_minute_per_address: Count
    kept_per_screen: Count


class AlertsSettings(Section):
    """`[alerts]`"""

    round_seconds: Positive
    duty_minutes: Count
    screens_minutes: Count
    screen_seconds: Count
    approval_hours: Count
    studio_minutes: Count
    escalate_minutes: Count
    urge_minutes: Count
    language: Literal["zh-CN", "en"]
    channels: Count
    notices_waiting: Count
    notices_per_minute: Count
    notice_attempts: Count
    retry_seconds: Positive
    longest_retry_seconds: Positive
    send_seconds: Positive
    answer_bytes: Count
    notice_days: Count
    allow_private: bool


class SmtpSettings(Section):
    """`[smtp]`"""

    host: str
    port: Annotated[int, Field(gt=0, le=65535)]
    security: Literal["tls", "starttls", "none"]
    user: str
    password: Annotated[str, Field(repr=False)]
    sender: str


class ImportsSettings(Section):
    """`[imports]`"""

    max_file_bytes: Count
    upload_seconds: Positive
    check_seconds: Positive
    memory_bytes: Count
    waiting: Count
    kept: Count
    kept_days: Count
    exports_at_once: Count


class LiveSettings(Section):
    """`[live]`"""

    viewer_seconds: Positive
    replacements_per_minute: Count
    takeover_seconds: Positive
    requests_per_second: Positive
    facts_waiting: Count
    screen_retry_seconds: Positive
    rehearsal_minutes: Count
    rehearsals: Count


class AttendanceSettings(Section):
    """`[attendance]`"""

    window_seconds: Count
    policy: Count
    policies_file: str
    settle_seconds: Positive
    report_utc_offset_hours: Annotated[float, Field(ge=-12, le=14)]


class LedgerSettings(Section):
    """`[ledger]`"""

    facts_waiting: Count
    journal_bytes: Count
    store_seconds: Positive
    gather_seconds: Annotated[float, Field(ge=0)]
    retry_seconds: Positive
    verify_hours: Positive


class PresenceSettings(Section):
    """`[presence]`"""

    nonce_seconds: Positive
    grace_seconds: Positive
    late_minutes: Count
    reports_waiting: Count
    reports_per_second: Positive
    refusals_named: Count


class CoverageSettings(Section):
    """`[coverage]`"""

    obligations: Count
    kept_per_day: Count


class HomeSettings(Section):
    """`[home]`"""

    token_seconds: Annotated[int, Field(ge=60)]
    write_seconds: Positive
    watching: Count
    watching_per_lecture: Count
    households_per_pupil: Count
    households_least: Count
    new_households_burst: Count
    new_households_per_minute: Positive
    suspicious_households: Annotated[int, Field(ge=2)]
    suspicious_seconds: Count
    requests_per_second: Positive
    requests_burst: Count
    wrong_codes_per_minute: Positive
    wrong_codes_burst: Count


class CorrectionsSettings(Section):
    """`[corrections]`"""

    days: Count
    mend_seconds: Positive
    fault_days: Count


class RealtimeSettings(Section):
    """`[realtime]`"""

    max_message_bytes: Count
    messages_per_second: Positive
    ping_seconds: Positive
    connect_seconds: Positive
    viewers_push_seconds: Positive
    board_push_seconds: Positive


class LogSettings(Section):
    """`[log]`"""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    level: Literal["debug", "info", "warning", "error"]
    as_json: Annotated[bool, Field(alias="json")]


class Settings(BaseSettings):
    """All settings. Build it with `load`, never directly: the files to read are arguments, not globals."""

    model_config = SettingsConfigDict(
        env_prefix="JIANGTANG_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    server: ServerSettings
    http: HttpSettings
    tls: TlsSettings
    media: MediaSettings
    sdp: SdpSettings
    forward: ForwardSettings
    recorder: RecorderSettings
    hls: HlsSettings
    store: StoreSettings
    retention: RetentionSettings
    database: DatabaseSettings
    auth: AuthSettings
    audit: AuditSettings
    terms: TermsSettings
    lectures: LecturesSettings
    screens: ScreensSettings
    alerts: AlertsSettings
    smtp: SmtpSettings
    line_tests: LineTestsSettings
    imports: ImportsSettings
    live: LiveSettings
    attendance: AttendanceSettings
    coverage: CoverageSettings
    home: HomeSettings
    corrections: CorrectionsSettings
    ledger: LedgerSettings
    presence: PresenceSettings
    realtime: RealtimeSettings
    log: LogSettings


def load(file: Path | None = None, overrides: dict[str, dict[str, object]] | None = None) -> Settings:
    """Return the settings: defaults, then `file`, then the environment, then `overrides` (command-line options).

    Raises `pydantic.ValidationError` naming every wrong key, and `FileNotFoundError` when `file` does not exist.
    """
    if file is not None and not file.is_file():
        raise FileNotFoundError(f"settings file not found: {file}")
    layers = [DEFAULT_FILE] if file is None else [DEFAULT_FILE, file]

    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            files = [TomlConfigSettingsSource(settings_cls, layer) for layer in reversed(layers)]
            return (init_settings, env_settings, *files)

    return Layered(**(overrides or {}))  # type: ignore[arg-type]
