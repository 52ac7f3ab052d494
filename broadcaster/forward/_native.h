/* What the C files of the native twin share. The layout is that of layout.py, which checks the sizes when it loads. */
#ifndef JIANGTANG_NATIVE_H
#define JIANGTANG_NATIVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "_native_api.h"

enum { AUDIO, VIDEO, KINDS };
enum { OFF, WAITING, SWITCHING, LIVE };                                 /* layout.State */
enum { FLAG_MARKER = 1, FLAG_KEYFRAME = 2, FLAG_STARTS_KEYFRAME = 4, FLAG_REPAIRED = 8 }; /* of a slot */
enum { WISH_NONE, WISH_FORWARDING, WISH_QUEUE, WISH_WOULD_BLOCK, WISH_BURST, WISH_VIEWER, WISH_JOIN };
enum { ROW_BYTES = 256, SLOT_BYTES = 1536, PAYLOAD_BYTES = 1472, EXTENSION_BYTES = 32, MAX_OFFER = 64 };
enum { CLOCK_AUDIO = 48000, CLOCK_VIDEO = 90000 };
#define NEVER UINT64_MAX
#define NEVER_SENT (-1.0)
#define EVERYBODY (-1)

/* The position of each reason in drops.DropReason; a test compares. */
enum drop {
    DROP_EMPTY, DROP_NOT_RFC7983, DROP_UNKNOWN_SOURCE, DROP_MALFORMED_STUN, DROP_UNAUTHENTICATED_STUN,
    DROP_UNEXPECTED_STUN, DROP_REPLAYED_STUN, DROP_ADDRESS_TAKEN, DROP_PLAINTEXT_ALERT, DROP_QUEUE_FULL,
    DROP_NOT_CONNECTED, DROP_VIEWER_SENT_MEDIA, DROP_TOO_MANY_SSRCS, DROP_SRTP_AUTH, DROP_RTP_MALFORMED,
    DROP_RTCP_MALFORMED, DROP_UNKNOWN_PAYLOAD_TYPE, DROP_UNKNOWN_SSRC, DROP_DUPLICATE, DROP_TOO_OLD, DROP_OVERSIZE,
    DROP_OLD_FENCE, DROP_NOT_FORWARDING, DROP_NO_PATH, DROP_WOULD_BLOCK, DROP_SEND_ERROR, DROP_SEAL_ERROR,
    DROP_FRAME_REMAINDER, DROP_AWAITING_KEYFRAME, DROP_BEFORE_SWITCH, DROP_SWEEP_QUEUE_FULL, DROP_RING_EXPIRED,
    DROP_NACK_BUDGET, DROP_NACK_REPEATED, DROP_SINK_QUEUE_FULL,
    NO_DROP, /* nothing to store, and nothing lost: a retransmission that only probes for bandwidth */
    DROPS
};

struct stream { /* layout.STREAM */
    uint32_t ssrc;
    uint8_t payload_type, state, extension_length, time_offset;
    uint32_t sequence_offset, next_sequence, timestamp_offset, last_timestamp;
    uint64_t base_sequence, from_index, skip_timestamp;
    double last_arrival;
    uint32_t packets, octets;
    uint8_t extension[EXTENSION_BYTES];
};
struct row { /* layout.ROW_HEAD and two streams; `handle` is libsrtp's srtp_t in an engine */
    uint32_t generation, flags;
    uint64_t handle;
    uint8_t sockaddr[28];
    uint16_t sockaddr_length, socket;
    uint32_t rtx_ssrc, rtx_next;
    uint8_t rtx_payload_type, unused[7];
    struct stream streams[KINDS];
};
struct slot { /* layout.SLOT_HEAD and the payload */
    _Atomic uint64_t index; /* NEVER while it is being written: who copied a payload looks again */
    uint64_t sequence, timestamp;
    double arrival;
    uint8_t kind, flags;
    uint16_t length;
    uint32_t send_time;  /* abs-send-time of the publisher, UINT32_MAX when there is none */
    uint16_t wire_bytes; /* of the RTP packet it came in */
    uint8_t unused[22];
    uint8_t payload[PAYLOAD_BYTES];
};
_Static_assert(sizeof(struct row) == ROW_BYTES, "row");
_Static_assert(sizeof(struct stream) == 96, "stream");
_Static_assert(sizeof(struct slot) == SLOT_BYTES && offsetof(struct slot, payload) == 64, "slot");

/* -- bytes in network order -- */

static inline uint32_t get16(const uint8_t *at) { return (uint32_t)at[0] << 8 | at[1]; }
static inline uint32_t get32(const uint8_t *at) { return get16(at) << 16 | get16(at + 2); }
static inline void put16(uint8_t *at, uint32_t value) { at[0] = (uint8_t)(value >> 8); at[1] = (uint8_t)value; }
static inline void put32(uint8_t *at, uint32_t value) { put16(at, value >> 16); put16(at + 2, value); }

/* -- the ring, as readers see it -- */

/* The slot of a packet, NULL when it was overwritten. **Ask slot_holds again after copying.** */
struct slot *ring_at(struct ring *ring, uint64_t index);
static inline bool slot_holds(struct slot *slot, uint64_t index) {
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&slot->index, memory_order_relaxed) == index;
}

/* -- the fan-out, as the other files see it -- */

struct row *fanout_row(struct fanout *fanout, uint32_t slot); /* NULL when nobody is there */
void acknowledgements_begin(struct acknowledgements *told, const struct row *row); /* of a slot that was joined */
struct ring *intake_ring(struct intake *intake);

enum { ADDRESS_ASK, ADDRESS_CLAIM, ADDRESS_PATH, ADDRESS_FORGET };
enum { UP_DATAGRAM = 1, UP_RTCP, UP_HEARD }; /* struct upward: anything, a publisher's plain RTCP, media off the path */

/* The monotonic clock that Python's time.monotonic reads. */
double monotonic(void);

#endif
