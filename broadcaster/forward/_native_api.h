/* What Python may call of the native twin. This file is read twice: by the C files through _native.h, and by cffi,
 * which knows no preprocessor: declarations only.
 *
 * Layout of rows and slots: layout.py. Times are monotonic seconds, NTP is seconds since 1900, rates are bits a second.
 * 1. An object has one owner at a time. In a running engine that is a thread; the engine_* functions take its gate.
 * 2. Nothing here allocates per packet and nothing calls Python, except through a struct callbacks, which tests give. */

/* -- the ring (_intake.c): one writer, any number of readers -- */

struct ring;
struct ring *ring_new(double seconds, uint32_t slots);
void ring_free(struct ring *ring);
uint8_t *ring_memory(struct ring *ring);     /* slots * SLOT_BYTES; the packet of `index` lies at index % slots */
uint64_t ring_next_index(struct ring *ring); /* of the packet that will be stored next */
uint64_t ring_oldest(struct ring *ring);     /* index of the oldest packet held; next_index when there is none */
/* Store one packet; its index, or the negative DropReason. `flags` are FLAG_MARKER.. of layout.py. */
int64_t ring_store(struct ring *ring, int kind, uint64_t sequence, uint64_t timestamp, const uint8_t *payload,
                   uint32_t length, int flags, double arrival, uint32_t send_time, uint32_t wire_bytes);
/* Write a slot as it is told, unchecked: for trains that a test makes up. */
void ring_put(struct ring *ring, uint64_t index, int kind, uint64_t sequence, uint64_t timestamp,
              const uint8_t *payload, uint32_t length, int flags, double arrival);
int64_t ring_find(struct ring *ring, int kind, uint64_t sequence); /* its index, -1 when the ring does not hold it */
int64_t ring_newest(struct ring *ring, int kind);                  /* greatest sequence number, -1 before the first */
int64_t ring_gop(struct ring *ring); /* sequence number that the last decodable picture begins with, -1 when it is gone */

/* -- a publisher's packets (_intake.c): plain RTP into the ring -- */

struct intake;
struct intake *intake_new(struct ring *ring);
void intake_free(struct intake *intake);
/* Take `payload_type` as kind (0 sound, 1 video); `original` >= 0 makes it the RTX of that type. Extension id 0: none. */
void intake_listen(struct intake *intake, int payload_type, int kind, int original, int abs_send_time_id);
uint32_t intake_ssrc(struct intake *intake, int kind); /* the stream's source, 0 before its first packet */
/* Parse one plain RTP packet and store it; its index, the negative DropReason, or the negative number of DropReasons:
 * there was nothing to store, and nothing is lost. */
int64_t intake_rtp(struct intake *intake, const uint8_t *packet, uint32_t length, double now);

/* -- what a terminal reports (_intake.c) -- */

struct reception {        /* of one kind; `advance`, `lost` only grow: who samples remembers the last value */
    uint32_t highest, advance, lost;
    int32_t worst;
};
struct acknowledgements { /* one a slot; 80 bytes; written by who receives, read by anybody */
    struct reception streams[2];
    double rtt, last_advance; /* 0: never */
    double wished_at;
    uint32_t fraction_lost, jitter, estimate, generation; /* fraction of 256; REMB's bits a second, 0: none */
};

/* -- the fan-out (_fanout.c): twin of fanout.py, sending.py, pacing.py, nack.py, and clock.py's reports -- */

struct fanout;
struct fanout_settings {
    uint32_t capacity, queue;
    double nack_share, wish_seconds;
    uint32_t burst_octets;
    double egress_bits, viewer_bits;
};
struct callbacks { /* of a test; an engine gives `wish` alone, seals by libsrtp and sends trains by sendmmsg */
    void *context;
    int (*seal)(void *context, uint64_t handle, uint8_t *packet, int *length, int rtcp); /* 0, or not sealed */
    int (*send)(void *context, uint32_t slot, const uint8_t *datagram, int length);       /* 0, or refused */
    void (*wish)(void *context, int32_t slot, int reason);                                /* WISH_* */
};
/* What an engine gives a fan-out to send with, instead of callbacks.seal and send. */
typedef int (*srtp_function)(void *session, void *packet, int *length);
struct outlet { /* of one worker */
    srtp_function protect, protect_rtcp;
    const int *sockets;
    uint32_t socket_count;
    bool no_gso, no_sendmmsg; /* found out when it was tried; for good */
};
struct counters { /* they only grow */
    uint64_t drops[64]; /* by the position of the DropReason in drops.py */
    uint64_t packets_out, forwarded, trains, segments, sends;
    uint64_t latency[64]; /* sweeps whose last send was within 2^(n/4) * 20 us of the train's arrival, and not within n-1's */
    uint64_t lengths[17]; /* trains by their number of packets */
    uint32_t queued, viewers, wishes;
};
struct fanout *fanout_new(const struct fanout_settings *settings, const struct callbacks *callbacks);
void fanout_free(struct fanout *fanout);
void fanout_set_outlet(struct fanout *fanout, struct outlet *outlet);
uint8_t *fanout_rows(struct fanout *fanout);               /* capacity * ROW_BYTES: the plan */
struct acknowledgements *fanout_acknowledgements(struct fanout *fanout);
struct counters *fanout_counters(struct fanout *fanout);
void fanout_join(struct fanout *fanout, uint32_t slot);    /* its row is written */
void fanout_leave(struct fanout *fanout, uint32_t slot);   /* its row is still there, and will be emptied */
int fanout_forwarding(struct fanout *fanout);
void fanout_set_forwarding(struct fanout *fanout, int on);
void fanout_source_changed(struct fanout *fanout, struct ring *ring); /* NULL: none */
void fanout_offer(struct fanout *fanout, const uint64_t *indices, uint32_t count); /* of one kind, at most 64 */
int fanout_busy(struct fanout *fanout);
int fanout_turn(struct fanout *fanout, double now);        /* returns fanout_busy */
/* Bursts: begin one (0: there is none to send), end all, how many there are, send what the budgets allow. */
int fanout_burst(struct fanout *fanout, uint32_t slot, double now);
void fanout_stop_bursts(struct fanout *fanout);
uint32_t fanout_bursts(struct fanout *fanout);
void fanout_handle_bursts(struct fanout *fanout, double now);
/* Repair: answer a NACK; how many packets were sent. */
uint32_t fanout_answer(struct fanout *fanout, uint32_t slot, uint32_t media_ssrc, const uint16_t *lost, uint32_t count,
                       double rtt, double now);
/* Sender reports: the server's NTP time at monotonic second 0, and of each kind the second of timestamp 0 (NAN: unknown). */
void fanout_clock(struct fanout *fanout, double ntp_offset, double audio_origin, double video_origin);
int fanout_report(struct fanout *fanout, uint32_t slot, double now); /* send this terminal's; 0: nothing to tell yet */
void fanout_handle_reports(struct fanout *fanout, double now);       /* to newcomers at once, to all once a second in turn */

/* Take a viewer's plain RTCP compound (_intake.c): fold its reports, note its REMB, collect what it asks for.
 * `ntp` is the server's clock. 0, or the negative DropReason. */
struct asked {
    uint32_t slot, generation, ssrc, count;
    double rtt;
    uint16_t lost[64];
};
int fanout_feedback(struct fanout *fanout, uint32_t slot, const uint8_t *compound, uint32_t length, double ntp, double now,
                    struct asked *nacks, uint32_t *nack_count, uint32_t most_nacks, int *keyframe);

/* -- the engine (_engine.c): threads, sockets, peers. All functions but engine_next may wait for a slice, never longer -- */

struct engine;
struct peer; /* a session: its addresses, its inbound context, and whose packets it sends or gets */
struct feed; /* a fan-out on its worker, with the queues that lead there */
struct libsrtp { /* addresses of functions, as pylibsrtp's binding gives them */
    uint64_t protect, protect_rtcp, unprotect, unprotect_rtcp;
};
struct upward { /* something that Python must look at */
    int what; /* UP_* */
    uint32_t socket, length, address_length;
    uint64_t tag; /* of the peer, 0: none */
    double now;
    uint8_t address[28], data[2048];
};
/* NULL without memory. `wake_fd` is an eventfd that is written when engine_next, a wish or a stored packet waits. */
struct engine *engine_new(const int *sockets, uint32_t count, uint32_t workers, const struct libsrtp *srtp, int wake_fd);
int engine_start(struct engine *engine); /* 0 or errno */
void engine_free(struct engine *engine); /* ends the threads; peers and feeds are gone */
uint64_t *engine_drops(struct engine *engine);
int engine_degraded(struct engine *engine); /* what the kernel turned out not to do: 1 datagram trains, 2 sendmmsg */
void engine_rearm(struct engine *engine);           /* wake_fd was read; it is written again from now on */
struct upward *engine_next(struct engine *engine);  /* oldest first, NULL: nothing more; valid until the next call */
/* Take a datagram as if it had come from a socket. */
void engine_receive(struct engine *engine, uint32_t socket, const uint8_t *address, uint32_t address_length,
                    const uint8_t *data, uint32_t length, double now);
/* Peers. `address` is a sockaddr_in or sockaddr_in6; an address belongs to one peer, the last that claimed it. */
struct peer *engine_open(struct engine *engine, uint64_t tag);
void engine_close(struct peer *peer); /* afterwards nobody uses its inbound context */
/* Claim or forget an address, name it the path (from which valid media is no news), or ask: when it last proved itself by
 * valid media, 0: never, -1: unknown. `what` is ADDRESS_*. */
double engine_address(struct engine *engine, struct peer *peer, int what, uint32_t socket, const uint8_t *address,
                      uint32_t length);
/* Decrypt with `inbound`, an srtp_t, from now on. A publisher has an intake. At most `ssrcs` sources are believed. */
void engine_connect(struct peer *peer, uint64_t inbound, struct intake *intake, uint32_t ssrcs);
/* Fan-outs. */
struct feed *engine_adopt(struct engine *engine, const struct fanout_settings *settings, uint32_t worker,
                          double ntp_offset);
void engine_release(struct engine *engine, struct feed *feed); /* frees the fan-out too */
struct fanout *feed_fanout(struct feed *feed);
uint32_t engine_queued(struct feed *feed); /* packets of pictures that wait for their sweep or are in it */
/* `row` is all of a row; in leave the empty one that stays, in move the new one, of which the head is taken. */
void engine_join(struct feed *feed, uint32_t slot, struct peer *peer, const uint8_t *row);
void engine_leave(struct feed *feed, uint32_t slot, struct peer *peer, const uint8_t *row);
void engine_move(struct feed *feed, uint32_t slot, const uint8_t *row);
void engine_set_forwarding(struct feed *feed, int on);
void engine_clock(struct feed *feed, double audio_origin, double video_origin);
int engine_show(struct feed *feed, uint32_t slot); /* begin a burst; 0: there is none, wish a keyframe */
/* Feed from an intake, beginning with the packet of `from_index`; NULL ends it. */
void engine_feed(struct feed *feed, struct intake *intake, uint64_t from_index);
int engine_wished(struct feed *feed); /* WISH_* of a keyframe wished since the last call, 0: none */
