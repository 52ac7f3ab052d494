/* The fan-out: packet train x plan -> datagrams. Twin of fanout.py, sending.py, trains.py, pacing.py, of nack.py's
 * Retransmitter and of clock.py's reports, which say why things are as they are.
 *
 * 1. A terminal's packets are sealed back to back and leave as one train, many terminals in one sendmmsg. With
 *    callbacks (tests) the batch is one packet, sealed and sent in the order of the twin.
 * 2. No number is sealed twice with other bytes: what was refused leaves as it is, or never.
 * 3. The batch is empty between two calls, so that who leaves is forgotten at once. */
#include "_native.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <time.h>

enum { SLICE_PACKETS = 144, MAX_PACKETS = 16, MAX_PADDING = 255, PADDING_SHARE = 16 }; /* of trains.py */
enum { HEADER_BYTES = 12, HEAD_BYTES = HEADER_BYTES + EXTENSION_BYTES, PACKET_BYTES = 1664 }; /* with trailer */
enum { BATCH_MESSAGES = 128, BATCH_TRAINS = 32, ARENA_BYTES = 262144, EXTENSION_BIT = 0x10, PADDING_BIT = 0x20 };
enum { ANSWERED = 128, FIRST_BUDGET = 60000, MAX_BUDGET = 250000, MAX_ASKED = 2000, MAX_LATE_WITHOUT_RTX = 1000 };
enum { MAX_GROUP = 16384 };
static const double BUCKET_SECONDS = 0.02, MAX_BURST_SECONDS = 3.0;

struct packet { /* of a train, read once for all terminals */
    struct slot *slot;
    uint64_t index, sequence, timestamp;
    double arrival;
    uint16_t length;
    uint8_t padding, flags; /* padding fills it up to its train's size; for terminals with RTX only */
};
struct sweep { /* a train on its way to the terminals that were there when it came */
    struct packet *packets;
    uint32_t count, position; /* the slot that is next */
    uint64_t serial, low, high, first_index, timestamp;
    double arrival, newest;
};
struct lane { /* bounded, see fanout_offer */
    struct packet *packets;
    struct sweep *sweeps;
    uint32_t capacity, tail, first, length, queued;
};
struct bucket {
    double rate, burst, level, at;
};
struct kept { /* sealed and refused */
    uint32_t length, size, packets, octets;
    uint8_t bytes[];
};
struct burst { /* one terminal that catches up; in the order of service */
    struct burst *before, *after;
    uint32_t slot, ssrc, left;          /* `left` of the group */
    uint64_t number, newest, seen, next; /* first by number, then by index up to `seen` */
    struct bucket bucket;
    double since;
    struct kept *refused;
};
struct account { /* what a terminal's retransmissions cost */
    uint32_t ssrc, octets;
    double looks, looked, budget;
    struct {
        uint64_t source;
        double at;
        int kind;
    } answered[ANSWERED];
};
struct seat { /* what is known of a slot beside its row */
    uint64_t joined; /* serial, 0: nobody */
    struct burst *burst;
    struct account *account;
    struct kept *again; /* refused sound */
    bool plain, told;   /* its path takes no trains; it has got a report */
};
enum purpose { SOUND, PICTURE, AGAIN, REPAIR, BURST, REPORT };
struct parcel { /* a message of the batch */
    uint32_t slot, packets, octets, size, last; /* sealed bytes of a packet, and of the last one */
    uint64_t timestamp;
    enum purpose purpose;
    bool marker;
};
struct fanout {
    struct fanout_settings settings;
    struct callbacks callbacks;
    struct outlet *outlet;
    struct ring *ring;
    struct row *rows;
    struct seat *seats;
    struct acknowledgements *acknowledged;
    struct counters counters;
    struct lane lanes[KINDS];
    uint32_t top, again_count, *again, waiting[KINDS], untold, bursts, cursor;
    uint64_t serial;
    int64_t overrun;
    bool forwarding, refused;
    struct burst *first_burst, *last_burst, **ready;
    struct bucket egress;
    double ntp_offset, origins[KINDS], credit, ticked;
    /* The batch. */
    uint8_t *arena;
    uint32_t used, messages, socket;
    struct parcel parcels[BATCH_MESSAGES];
    struct mmsghdr headers[BATCH_MESSAGES];
    struct iovec vectors[BATCH_MESSAGES];
    union {
        char space[CMSG_SPACE(sizeof(uint16_t))];
        struct cmsghdr head;
    } controls[BATCH_MESSAGES];
};

double monotonic(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void drop(struct fanout *f, enum drop reason, uint32_t count) { f->counters.drops[reason] += count; }

static void wish(struct fanout *f, int32_t slot, int reason) {
    f->counters.wishes++;
    if (f->callbacks.wish) f->callbacks.wish(f->callbacks.context, slot, reason);
}

static bool one_by_one(const struct fanout *f) { return f->callbacks.seal != NULL; }

static bool seal(struct fanout *f, const struct row *row, uint8_t *packet, int *length, int rtcp) {
    if (one_by_one(f)) return !f->callbacks.seal(f->callbacks.context, row->handle, packet, length, rtcp);
    srtp_function protect = !f->outlet ? NULL : rtcp ? f->outlet->protect_rtcp : f->outlet->protect;
    return protect && !protect((void *)(uintptr_t)row->handle, packet, length);
}

static struct kept *keep(const uint8_t *bytes, uint32_t length, uint32_t size, uint32_t packets, uint32_t octets) {
    struct kept *kept = malloc(sizeof *kept + length);
    if (!kept) return NULL;
    kept->length = length, kept->size = size, kept->packets = packets, kept->octets = octets;
    memcpy(kept->bytes, bytes, length);
    return kept;
}

/* -- one stream of a terminal (layout.Stream) -- */

static void count(struct stream *stream, uint32_t packets, uint32_t octets) {
    stream->packets += packets, stream->octets += octets;
}

static void advance(struct stream *stream, uint64_t sequence, uint64_t timestamp, double arrival) {
    uint32_t following = (uint32_t)sequence + 1 + stream->sequence_offset;
    if ((int32_t)(following - stream->next_sequence) <= 0) return;
    stream->next_sequence = following, stream->last_timestamp = (uint32_t)timestamp + stream->timestamp_offset;
    stream->last_arrival = arrival;
}

static bool waits(const struct stream *stream) { return stream->state == WAITING || stream->state == SWITCHING; }

static void begin(struct fanout *f, struct stream *stream, const struct packet *packet, int kind) {
    stream->base_sequence = packet->sequence, stream->from_index = packet->index;
    stream->sequence_offset = stream->next_sequence - (uint32_t)packet->sequence;
    if (stream->state == SWITCHING) {
        int rate = kind == VIDEO ? CLOCK_VIDEO : CLOCK_AUDIO;
        int64_t elapsed = llrint((packet->arrival - stream->last_arrival) * rate);
        if (elapsed < 1) elapsed = 1;
        stream->timestamp_offset = stream->last_timestamp + (uint32_t)elapsed - (uint32_t)packet->timestamp;
    }
    stream->state = LIVE, stream->skip_timestamp = NEVER;
    f->waiting[kind]--;
    advance(stream, packet->sequence, packet->timestamp, packet->arrival);
}

/* -- packets -- */

/* The bytes that all packets of a stream begin with; `out` has room for HEAD_BYTES. */
static uint32_t write_head(const struct stream *stream, double now, uint8_t *out) {
    uint32_t extension = stream->extension_length, time = (uint32_t)(int64_t)(now * 262144);
    out[0] = extension ? 0x80 | EXTENSION_BIT : 0x80;
    out[1] = stream->payload_type;
    put32(out + 8, stream->ssrc);
    memcpy(out + HEADER_BYTES, stream->extension, EXTENSION_BYTES);
    if (stream->time_offset) {
        uint8_t *at = out + HEADER_BYTES + stream->time_offset;
        at[0] = (uint8_t)(time >> 16), put16(at + 1, time);
    }
    return HEADER_BYTES + extension;
}

/* Write one packet; its length, 0 when the ring has lost it. */
static inline int build(const struct stream *stream, const struct packet *packet, const uint8_t *head, uint32_t size,
                        bool padded, uint8_t *at) {
    uint32_t padding = padded ? packet->padding : 0;
    memcpy(at, head, HEAD_BYTES); /* what is too much is overwritten */
    if (padding) at[0] |= PADDING_BIT;
    if (packet->flags & FLAG_MARKER) at[1] |= 0x80;
    put16(at + 2, (uint32_t)packet->sequence + stream->sequence_offset);
    put32(at + 4, (uint32_t)packet->timestamp + stream->timestamp_offset);
    memcpy(at + size, packet->slot->payload, packet->length);
    size += packet->length;
    if (padding) {
        memset(at + size, 0, padding - 1);
        size += padding;
        at[size - 1] = (uint8_t)padding;
    }
    return slot_holds(packet->slot, packet->index) ? (int)size : 0;
}

static bool read_packet(struct ring *ring, uint64_t index, struct packet *packet, int *kind) {
    struct slot *slot = ring ? ring_at(ring, index) : NULL;
    if (!slot) return false;
    *packet = (struct packet){slot, index, slot->sequence, slot->timestamp, slot->arrival,
                              .length = slot->length, .flags = slot->flags};
    *kind = slot->kind == VIDEO;
    return slot_holds(slot, index) && packet->length <= PAYLOAD_BYTES;
}

/* -- the batch: messages on their way to the kernel -- */

static struct stream *stream_of(struct fanout *f, const struct parcel *parcel) {
    if (parcel->purpose > AGAIN) return NULL; /* counted elsewhere */
    return &f->rows[parcel->slot].streams[parcel->purpose == PICTURE ? VIDEO : AUDIO];
}

static void uncount(struct fanout *f, const struct parcel *parcel, uint32_t packets) {
    struct stream *stream = stream_of(f, parcel);
    if (!stream) return;
    stream->packets -= packets;
    stream->octets -= packets == parcel->packets ? parcel->octets : parcel->octets / parcel->packets * packets;
}

static void keep_sound(struct fanout *f, uint32_t slot, const uint8_t *bytes, uint32_t length, uint32_t octets) {
    struct seat *seat = &f->seats[slot];
    struct kept *kept = keep(bytes, length, length, 1, octets), *before = seat->again;
    if (before || !kept) drop(f, DROP_WOULD_BLOCK, 1);
    if (!kept) return;
    if (!before) f->again[f->again_count++] = slot;
    free(before), seat->again = kept;
}

/* The destination takes nothing now: twin of sending.py's refusals, of a message instead of a packet. */
static void refuse(struct fanout *f, uint32_t at, uint32_t packets) {
    struct parcel *parcel = &f->parcels[at];
    struct iovec *vector = &f->vectors[at];
    uncount(f, parcel, packets);
    if (parcel->purpose == SOUND) return keep_sound(f, parcel->slot, vector->iov_base, parcel->size, parcel->octets);
    if (parcel->purpose == BURST && packets == parcel->packets) {
        f->refused = true;
        return;
    }
    drop(f, DROP_WOULD_BLOCK, packets);
    if (parcel->purpose != PICTURE) return;
    if (parcel->marker) wish(f, (int32_t)parcel->slot, WISH_WOULD_BLOCK);
    else f->rows[parcel->slot].streams[VIDEO].skip_timestamp = parcel->timestamp;
}

/* Whether packets are the rest of a lost frame; at its end a keyframe is wished. */
static bool is_lost(struct fanout *f, uint32_t slot, uint64_t timestamp, bool marker, uint32_t packets) {
    struct stream *stream = &f->rows[slot].streams[VIDEO];
    bool lost = timestamp == stream->skip_timestamp;
    if (lost) drop(f, DROP_FRAME_REMAINDER, packets);
    if (lost ? marker : timestamp > stream->skip_timestamp) {
        stream->skip_timestamp = NEVER;
        wish(f, (int32_t)slot, WISH_WOULD_BLOCK);
    }
    return lost;
}

static bool remains(struct fanout *f, const struct parcel *parcel) {
    if (parcel->purpose != PICTURE || f->rows[parcel->slot].streams[VIDEO].skip_timestamp == NEVER) return false;
    if (!is_lost(f, parcel->slot, parcel->timestamp, parcel->marker, parcel->packets)) return false;
    uncount(f, parcel, parcel->packets);
    return true;
}

static void sent(struct fanout *f, const struct parcel *parcel, uint32_t packets) {
    f->counters.sends++;
    if (parcel->purpose != REPORT) f->counters.packets_out += packets;
}

static bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS; }

/* Hand one message over; ECONNREFUSED tells of an earlier datagram. 0 or errno. */
static int send_one(struct fanout *f, const struct msghdr *message) {
    for (int tries = 0;; tries++) {
        if (sendmsg(f->outlet->sockets[f->socket], message, MSG_DONTWAIT) >= 0) return 0;
        if (errno != EINTR && (errno != ECONNREFUSED || tries)) return errno;
    }
}

/* Send a train packet by packet: the same sealed bytes, where trains are not taken. */
static void split(struct fanout *f, uint32_t at) {
    struct parcel *parcel = &f->parcels[at];
    struct iovec vector = f->vectors[at], *whole = &f->vectors[at];
    struct msghdr message = f->headers[at].msg_hdr;
    message.msg_iov = &vector, message.msg_control = NULL, message.msg_controllen = 0;
    for (uint32_t left = parcel->packets; left; left--) {
        vector.iov_base = (uint8_t *)whole->iov_base + (size_t)(parcel->packets - left) * parcel->size;
        vector.iov_len = left > 1 ? parcel->size : parcel->last;
        int error = send_one(f, &message);
        if (would_block(error)) return refuse(f, at, left);
        if (!error) sent(f, parcel, 1);
        else uncount(f, parcel, 1), drop(f, DROP_SEND_ERROR, 1);
    }
}

static void fail(struct fanout *f, uint32_t at, int error) {
    struct parcel *parcel = &f->parcels[at];
    if (would_block(error)) return refuse(f, at, parcel->packets);
    bool no_offload = error == EIO || error == EOPNOTSUPP || error == ENOPROTOOPT;
    if (parcel->packets > 1 && (no_offload || error == EMSGSIZE || error == EINVAL)) {
        if (no_offload) f->outlet->no_gso = true;
        else f->seats[parcel->slot].plain = true;
        return split(f, at);
    }
    uncount(f, parcel, parcel->packets);
    drop(f, DROP_SEND_ERROR, parcel->packets);
}

/* Hand the batch to the kernel. The error of a message shows in the call that begins with it. */
static void flush(struct fanout *f) {
    uint32_t done = 0;
    while (done < f->messages) {
        int some = 1, error = 0;
        if (one_by_one(f)) {
            struct iovec *vector = &f->vectors[done];
            if (f->callbacks.send(f->callbacks.context, f->parcels[done].slot, vector->iov_base, (int)vector->iov_len))
                error = EAGAIN;
        } else if (f->outlet->no_sendmmsg) {
            error = send_one(f, &f->headers[done].msg_hdr);
        } else {
            some = sendmmsg(f->outlet->sockets[f->socket], f->headers + done, f->messages - done, MSG_DONTWAIT);
            if (some < 0) error = errno == ECONNREFUSED ? send_one(f, &f->headers[done].msg_hdr) : errno;
            if (error == ENOSYS) f->outlet->no_sendmmsg = true;
            if (error == ENOSYS || error == EINTR) continue;
            if (some < 0) some = 1;
        }
        if (!error) {
            for (; some; some--, done++) sent(f, &f->parcels[done], f->parcels[done].packets);
            continue;
        }
        uint32_t slot = f->parcels[done].slot;
        fail(f, done++, error);
        while (done < f->messages && f->parcels[done].slot == slot && remains(f, &f->parcels[done])) done++;
    }
    f->messages = f->used = 0;
}

/* Whether the terminal can be reached, and room for `packets` of it: no train is cut by a full batch. */
static bool reserve(struct fanout *f, const struct row *row, uint32_t packets) {
    if (one_by_one(f)) return true;
    if (!f->outlet || !row->sockaddr_length || row->socket >= f->outlet->socket_count) return false;
    bool full = f->used + packets * PACKET_BYTES > ARENA_BYTES || f->messages + packets > BATCH_MESSAGES;
    if (full || f->messages >= BATCH_TRAINS || row->socket != f->socket) {
        flush(f);
        f->socket = row->socket;
    }
    return true;
}

static void post(struct fanout *f, struct row *row, struct parcel parcel, uint8_t *at, uint32_t length) {
    uint32_t number = f->messages++;
    f->parcels[number] = parcel;
    f->vectors[number] = (struct iovec){at, length};
    struct msghdr *message = &f->headers[number].msg_hdr;
    message->msg_name = row->sockaddr, message->msg_namelen = row->sockaddr_length;
    message->msg_control = parcel.packets > 1 ? &f->controls[number] : NULL;
    message->msg_controllen = parcel.packets > 1 ? sizeof f->controls[number].space : 0;
    if (parcel.packets > 1) *(uint16_t *)CMSG_DATA(&f->controls[number].head) = (uint16_t)parcel.size;
    if (one_by_one(f)) flush(f);
}

/* Put the packet sealed at the end of the arena into the batch: into the message before it when both make one train. */
static void add(struct fanout *f, struct row *row, struct parcel parcel) {
    struct parcel *last = f->messages ? &f->parcels[f->messages - 1] : NULL;
    struct iovec *vector = last ? &f->vectors[f->messages - 1] : NULL;
    uint8_t *at = f->arena + f->used;
    f->used += parcel.size;
    if (!last || last->slot != parcel.slot || last->purpose != parcel.purpose || parcel.purpose == SOUND ||
        last->last != last->size || parcel.size > last->size || last->packets == MAX_PACKETS ||
        last->timestamp != parcel.timestamp || (uint8_t *)vector->iov_base + vector->iov_len != at ||
        one_by_one(f) || f->outlet->no_gso || f->seats[parcel.slot].plain) {
        parcel.last = parcel.size, parcel.packets = 1;
        return post(f, row, parcel, at, parcel.size);
    }
    struct msghdr *message = &f->headers[f->messages - 1].msg_hdr;
    message->msg_control = &f->controls[f->messages - 1];
    message->msg_controllen = sizeof f->controls[f->messages - 1].space;
    *(uint16_t *)CMSG_DATA(&f->controls[f->messages - 1].head) = (uint16_t)last->size;
    vector->iov_len += parcel.size;
    last->last = parcel.size;
    last->packets++;
    last->octets += parcel.octets, last->marker |= parcel.marker;
}

/* -- sweeps -- */

/* What no burst sends or has sent, and comes after the stream's beginning. */
static uint32_t eligible(struct fanout *f, const struct stream *stream, const struct sweep *sweep, uint8_t *parts) {
    uint32_t kept = 0, old = 0, earlier = 0;
    for (uint32_t i = 0; i < sweep->count; i++) {
        bool fresh = sweep->packets[i].index >= stream->from_index;
        bool before = sweep->packets[i].sequence < stream->base_sequence;
        old += fresh && before;
        earlier += !fresh && before && stream->from_index != NEVER;
        if (fresh && !before) parts[kept++] = (uint8_t)i;
    }
    drop(f, DROP_BEFORE_SWITCH, old);
    drop(f, DROP_AWAITING_KEYFRAME, earlier);
    return kept;
}

/* Seal a train for one terminal and put it into the batch; `parts` NULL: all of it. The innermost loop. */
static void send_train(struct fanout *f, uint32_t slot, int kind, const struct sweep *sweep, const uint8_t *parts,
                       uint32_t length, double now) {
    struct row *row = &f->rows[slot];
    struct stream *stream = &row->streams[kind];
    uint8_t head[HEAD_BYTES];
    uint32_t head_length = write_head(stream, now, head), packets = 0, octets = 0;
    if (!reserve(f, row, length)) return drop(f, DROP_NO_PATH, length);
    for (uint32_t i = 0; i < length; i++) {
        const struct packet *packet = &sweep->packets[parts ? parts[i] : i];
        bool marker = packet->flags & FLAG_MARKER;
        if (stream->skip_timestamp != NEVER && is_lost(f, slot, packet->timestamp, marker, 1)) continue;
        advance(stream, sweep->high, sweep->timestamp, sweep->arrival);
        int size = build(stream, packet, head, head_length, row->rtx_ssrc, f->arena + f->used);
        if (!size) {
            drop(f, DROP_RING_EXPIRED, 1);
            continue;
        }
        if (!seal(f, row, f->arena + f->used, &size, 0)) {
            drop(f, DROP_SEAL_ERROR, length - i);
            break;
        }
        packets++, octets += packet->length;
        add(f, row, (struct parcel){.slot = slot, .octets = packet->length, .size = (uint32_t)size,
                                    .timestamp = packet->timestamp, .purpose = kind == VIDEO ? PICTURE : SOUND,
                                    .marker = marker});
    }
    count(stream, packets, octets);
}

static void deliver(struct fanout *f, uint32_t slot, int kind, const struct sweep *sweep, double now) {
    struct stream *stream = &f->rows[slot].streams[kind];
    uint8_t parts[MAX_OFFER];
    uint32_t length = sweep->count;
    if (stream->state != LIVE) return drop(f, DROP_AWAITING_KEYFRAME, stream->state == OFF ? 0 : length);
    bool partial = stream->from_index > sweep->first_index || stream->base_sequence > sweep->low;
    if (partial) length = eligible(f, stream, sweep, parts);
    if (length) send_train(f, slot, kind, sweep, partial ? parts : NULL, length, now);
}

static void finish(struct lane *lane) {
    lane->queued -= lane->sweeps[lane->first].count, lane->first = (lane->first + 1) % lane->capacity;
    lane->length--;
}

static void note_latency(struct fanout *f, double seconds) {
    double step = seconds > 20e-6 ? ceil(4 * log2(seconds / 20e-6)) : 0;
    f->counters.latency[step < 63 ? (int)step : 63]++;
}

/* Send the oldest train of a lane to its next `most` terminals. */
static void slice(struct fanout *f, int kind, uint32_t most, double now) {
    struct lane *lane = &f->lanes[kind];
    struct sweep *sweep = &lane->sweeps[lane->first];
    uint32_t slot = sweep->position;
    for (; slot < f->top; slot++) {
        uint64_t joined = f->seats[slot].joined;
        if (!joined || joined > sweep->serial) continue;
        if (!most--) break;
        __builtin_prefetch(&f->rows[slot + 1 < f->top ? slot + 1 : slot].streams[kind]);
        deliver(f, slot, kind, sweep, now);
    }
    sweep->position = slot;
    flush(f);
    if (slot < f->top) return;
    if (f->outlet) note_latency(f, monotonic() - sweep->newest);
    finish(lane);
}

static void retry_sound(struct fanout *f) {
    uint32_t waiting = f->again_count;
    for (uint32_t i = 0; i < waiting; i++) {
        uint32_t slot = f->again[i];
        struct row *row = &f->rows[slot];
        struct kept *kept = f->seats[slot].again;
        if (!kept) continue;
        if (!reserve(f, row, 1)) {
            drop(f, DROP_NO_PATH, 1);
        } else {
            count(&row->streams[AUDIO], 1, kept->octets);
            struct parcel parcel = {slot, 1, kept->octets, kept->length, kept->length, 0, AGAIN, false};
            post(f, row, parcel, kept->bytes, kept->length);
        }
    }
    flush(f);
    for (uint32_t i = 0; i < waiting; i++) free(f->seats[f->again[i]].again), f->seats[f->again[i]].again = NULL;
    f->again_count = 0;
}

static void forget_sound(struct fanout *f, uint32_t slot) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->again_count; i++)
        if (f->again[i] != slot) f->again[kept++] = f->again[i];
    f->again_count = kept;
    free(f->seats[slot].again), f->seats[slot].again = NULL;
}

int fanout_busy(struct fanout *f) { return f->lanes[AUDIO].length || f->lanes[VIDEO].length || f->again_count; }

int fanout_turn(struct fanout *f, double now) {
    struct lane *video = &f->lanes[VIDEO];
    if (f->again_count) retry_sound(f);
    while (f->lanes[AUDIO].length) slice(f, AUDIO, UINT32_MAX, now);
    if (video->length) {
        uint32_t most = SLICE_PACKETS / video->sweeps[video->first].count;
        slice(f, VIDEO, most ? most : 1, now);
    }
    f->counters.queued = video->queued;
    return fanout_busy(f);
}

/* -- media comes in -- */

/* The longest train that begins with the first packet (trains.py says the rules); its size is `*size`. */
static uint32_t cut(const struct packet *packets, uint32_t count, uint32_t *size) {
    uint32_t largest = packets[0].length, smallest = largest, total = largest, stop = 1;
    for (; stop < count && stop < MAX_PACKETS; stop++) {
        uint32_t inner = packets[stop - 1].length < smallest ? packets[stop - 1].length : smallest;
        uint32_t most = packets[stop].length > largest ? packets[stop].length : largest;
        uint32_t whole = total + packets[stop].length, wasted = most * stop - total;
        if (most - inner > MAX_PADDING || wasted * PADDING_SHARE > whole) break;
        largest = most, smallest = inner, total = whole;
    }
    *size = largest;
    return stop;
}

/* Prepare a train once for all terminals. */
static void prepare(struct fanout *f, struct sweep *sweep, int kind) {
    struct packet *packets = sweep->packets;
    sweep->low = sweep->first_index = UINT64_MAX;
    for (uint32_t i = 0; i < sweep->count; i++) {
        const struct packet *packet = &packets[i];
        if (packet->index < sweep->first_index) sweep->first_index = packet->index;
        if (packet->sequence < sweep->low) sweep->low = packet->sequence;
        if (!i || packet->arrival > sweep->newest) sweep->newest = packet->arrival;
        if (i && packet->sequence <= sweep->high) continue;
        sweep->high = packet->sequence, sweep->timestamp = packet->timestamp, sweep->arrival = packet->arrival;
    }
    for (uint32_t start = 0, length, size = 0; start < sweep->count; start += length) {
        length = 1;
        if (kind == VIDEO) length = cut(packets + start, sweep->count - start, &size);
        for (uint32_t i = start; i + 1 < start + length; i++) packets[i].padding = (uint8_t)(size - packets[i].length);
        f->counters.trains++;
        f->counters.segments += length;
        f->counters.lengths[length]++;
    }
}

/* Keep of video what the queue takes: after a packet that it does not, none of the same frame. */
static uint32_t fitting(struct fanout *f, struct packet *packets, uint32_t count) {
    bool room = f->lanes[VIDEO].queued + count <= f->settings.queue;
    uint32_t kept = 0;
    if (room && f->overrun < 0) return count;
    if (!room) f->overrun = (int64_t)packets[0].timestamp;
    for (uint32_t i = 1; i < count && !room; i++)
        if ((int64_t)packets[i].timestamp > f->overrun) f->overrun = (int64_t)packets[i].timestamp;
    for (uint32_t i = 0; i < count; i++)
        if ((int64_t)packets[i].timestamp > f->overrun) packets[kept++] = packets[i];
    if (kept) {
        f->overrun = -1;
        wish(f, EVERYBODY, WISH_QUEUE);
    }
    drop(f, DROP_SWEEP_QUEUE_FULL, count - kept);
    return kept;
}

static void begin_waiting(struct fanout *f, int kind, const struct packet *packets, uint32_t count) {
    uint32_t first = 0;
    while (first < count && kind == VIDEO && !(packets[first].flags & FLAG_STARTS_KEYFRAME)) first++;
    for (uint32_t slot = 0; slot < f->top && first < count && f->waiting[kind]; slot++) {
        struct stream *stream = &f->rows[slot].streams[kind];
        if (f->seats[slot].joined && waits(stream)) begin(f, stream, &packets[first], kind);
    }
}

/* At most `queue` packets of video wait; more are lost to the end of their frame for everybody, and a keyframe is
 * wished. Of sound the oldest train goes. */
void fanout_offer(struct fanout *f, const uint64_t *indices, uint32_t count) {
    struct packet packets[MAX_OFFER];
    uint32_t taken = 0;
    int kind = AUDIO, first_kind = AUDIO;
    if (!f->forwarding) return drop(f, DROP_NOT_FORWARDING, count);
    for (uint32_t i = 0; i < count && taken < MAX_OFFER; i++) {
        if (!read_packet(f->ring, indices[i], &packets[taken], &kind) || (taken && kind != first_kind)) continue;
        first_kind = kind, taken++;
    }
    drop(f, DROP_RING_EXPIRED, count - taken);
    kind = first_kind;
    if (taken && kind == VIDEO) taken = fitting(f, packets, taken);
    if (!taken) return;
    struct lane *lane = &f->lanes[kind];
    f->counters.forwarded += taken;
    begin_waiting(f, kind, packets, taken);
    if (lane->tail + taken > lane->capacity) lane->tail = 0; /* a train lies in one piece; see fanout_new */
    struct sweep *sweep = &lane->sweeps[(lane->first + lane->length++) % lane->capacity];
    *sweep = (struct sweep){.packets = lane->packets + lane->tail, .count = taken, .serial = f->serial};
    memcpy(sweep->packets, packets, taken * sizeof *packets);
    lane->tail += taken, lane->queued += taken;
    prepare(f, sweep, kind);
    while (kind == AUDIO && lane->queued > f->settings.queue && lane->length > 1) {
        drop(f, DROP_SWEEP_QUEUE_FULL, lane->sweeps[lane->first].count);
        finish(lane);
    }
    f->counters.queued = f->lanes[VIDEO].queued;
}

/* -- who is there, and whether and whence media flows -- */

static struct bucket bucket_of(double bits) {
    double octets = bits / 8, burst = fmax(1500.0, octets * BUCKET_SECONDS);
    return (struct bucket){octets, burst, burst, NAN};
}

struct fanout *fanout_new(const struct fanout_settings *settings, const struct callbacks *callbacks) {
    struct fanout *f = calloc(1, sizeof *f);
    if (!f) return NULL;
    uint32_t places = settings->capacity ? settings->capacity : 1;
    bool laid = true;
    f->settings = *settings;
    if (callbacks) f->callbacks = *callbacks;
    f->rows = calloc(places, sizeof *f->rows), f->seats = calloc(places, sizeof *f->seats);
    f->acknowledged = calloc(places, sizeof *f->acknowledged), f->again = calloc(places, sizeof *f->again);
    f->ready = calloc(places, sizeof *f->ready), f->arena = malloc(ARENA_BYTES + PACKET_BYTES);
    for (int kind = 0; kind < KINDS; kind++) {
        struct lane *lane = &f->lanes[kind];
        lane->capacity = settings->queue + 4 * MAX_OFFER; /* an offer too much, and the rest of the end */
        lane->packets = calloc(lane->capacity, sizeof *lane->packets);
        lane->sweeps = calloc(lane->capacity, sizeof *lane->sweeps);
        laid = laid && lane->packets && lane->sweeps;
        f->origins[kind] = NAN;
    }
    if (!laid || !f->rows || !f->seats || !f->acknowledged || !f->again || !f->ready || !f->arena) {
        fanout_free(f);
        return NULL;
    }
    for (uint32_t i = 0; i < BATCH_MESSAGES; i++) {
        f->headers[i].msg_hdr.msg_iov = &f->vectors[i], f->headers[i].msg_hdr.msg_iovlen = 1;
        f->controls[i].head = (struct cmsghdr){CMSG_LEN(sizeof(uint16_t)), SOL_UDP, UDP_SEGMENT};
    }
    f->egress = bucket_of(settings->egress_bits), f->overrun = -1, f->ticked = NAN;
    return f;
}

static void end_burst(struct fanout *f, uint32_t slot) {
    struct burst *burst = f->seats[slot].burst;
    if (!burst) return;
    *(burst->before ? &burst->before->after : &f->first_burst) = burst->after;
    *(burst->after ? &burst->after->before : &f->last_burst) = burst->before;
    f->seats[slot].burst = NULL;
    f->bursts--;
    free(burst->refused), free(burst);
}

void fanout_stop_bursts(struct fanout *f) {
    while (f->first_burst) end_burst(f, f->first_burst->slot);
}

static void clear_seat(struct fanout *f, uint32_t slot) {
    end_burst(f, slot);
    forget_sound(f, slot);
    free(f->seats[slot].account);
    f->seats[slot] = (struct seat){0};
}

void fanout_free(struct fanout *f) {
    if (!f) return;
    for (uint32_t slot = 0; slot < f->top; slot++) clear_seat(f, slot);
    for (int kind = 0; kind < KINDS; kind++) free(f->lanes[kind].packets), free(f->lanes[kind].sweeps);
    free(f->rows), free(f->seats), free(f->acknowledged), free(f->again), free(f->ready), free(f->arena), free(f);
}

uint8_t *fanout_rows(struct fanout *f) { return (uint8_t *)f->rows; }
struct acknowledgements *fanout_acknowledgements(struct fanout *f) { return f->acknowledged; }
struct counters *fanout_counters(struct fanout *f) { return &f->counters; }
void fanout_set_outlet(struct fanout *f, struct outlet *outlet) { f->outlet = outlet; }
int fanout_forwarding(struct fanout *f) { return f->forwarding; }
uint32_t fanout_bursts(struct fanout *f) { return f->bursts; }

struct row *fanout_row(struct fanout *f, uint32_t slot) {
    return slot < f->settings.capacity && f->seats[slot].joined ? &f->rows[slot] : NULL;
}

void fanout_join(struct fanout *f, uint32_t slot) {
    if (slot >= f->settings.capacity || f->seats[slot].joined) return;
    f->seats[slot].joined = ++f->serial;
    if (slot >= f->top) f->top = slot + 1;
    for (int kind = 0; kind < KINDS; kind++) f->waiting[kind] += waits(&f->rows[slot].streams[kind]);
    acknowledgements_begin(&f->acknowledged[slot], &f->rows[slot]);
    f->counters.viewers++;
    f->untold++;
}

void fanout_leave(struct fanout *f, uint32_t slot) {
    struct row *row = fanout_row(f, slot);
    if (!row) return;
    for (int kind = 0; kind < KINDS; kind++) f->waiting[kind] -= waits(&row->streams[kind]);
    f->counters.viewers--;
    f->untold -= !f->seats[slot].told;
    clear_seat(f, slot);
    while (f->top && !f->seats[f->top - 1].joined) f->top--;
}

static void discard(struct fanout *f, enum drop reason) {
    for (int kind = 0; kind < KINDS; kind++) {
        struct lane *lane = &f->lanes[kind];
        drop(f, reason, lane->queued);
        lane->queued = lane->length = lane->tail = 0;
    }
    while (f->again_count) forget_sound(f, f->again[0]);
    fanout_stop_bursts(f);
    f->overrun = -1, f->counters.queued = 0;
}

/* A stream that never sent has no timestamps to go on with; one that waits for a source goes on waiting for it. */
static void interrupt(struct fanout *f, uint8_t state) {
    for (uint32_t slot = 0; slot < f->top; slot++)
        for (int kind = 0; kind < KINDS && f->seats[slot].joined; kind++) {
            struct stream *stream = &f->rows[slot].streams[kind];
            if (stream->state == OFF) continue;
            f->waiting[kind] += !waits(stream);
            stream->from_index = NEVER;
            if (stream->last_arrival == NEVER_SENT) stream->state = WAITING;
            else if (stream->state != SWITCHING) stream->state = state;
        }
}

void fanout_set_forwarding(struct fanout *f, int on) {
    if (f->forwarding == (on != 0)) return;
    f->forwarding = on != 0;
    if (on) return wish(f, EVERYBODY, WISH_FORWARDING);
    discard(f, DROP_NOT_FORWARDING);
    interrupt(f, WAITING);
}

void fanout_source_changed(struct fanout *f, struct ring *ring) {
    discard(f, DROP_BEFORE_SWITCH);
    interrupt(f, SWITCHING);
    f->ring = ring;
}

/* -- bursts (pacing.py) -- */

static double filled(struct bucket *bucket, double now) {
    if (now > bucket->at) bucket->level = fmin(bucket->burst, bucket->level + (now - bucket->at) * bucket->rate);
    bucket->at = bucket->at > now ? bucket->at : now;
    return bucket->level;
}

static bool lacks(struct bucket *bucket, double amount, double now) {
    return (fmin(amount, bucket->burst) - filled(bucket, now)) / bucket->rate > 0;
}

static bool take(struct bucket *bucket, double amount, double now) {
    if (filled(bucket, now) < amount) return false;
    bucket->level -= amount;
    return true;
}

static bool affordable(struct fanout *f, struct burst *burst, double size, double now) {
    if (lacks(&burst->bucket, size, now) || lacks(&f->egress, size, now)) return false;
    return take(&burst->bucket, size, now) && take(&f->egress, size, now);
}

static void serve_last(struct fanout *f, struct burst *burst) {
    burst->before = f->last_burst, burst->after = NULL;
    *(f->last_burst ? &f->last_burst->after : &f->first_burst) = burst;
    f->last_burst = burst;
}

int fanout_burst(struct fanout *f, uint32_t slot, double now) {
    struct row *row = fanout_row(f, slot);
    int64_t first = f->forwarding && f->ring ? ring_gop(f->ring) : -1;
    int64_t newest = first < 0 ? -1 : ring_newest(f->ring, VIDEO);
    struct packet packet, leading;
    struct burst group = {.slot = slot, .number = (uint64_t)first, .newest = (uint64_t)newest};
    uint64_t octets = 0;
    int kind;
    if (newest - first > MAX_GROUP) return 0;
    for (int64_t number = first; first >= 0 && number <= newest; number++) {
        int64_t index = ring_find(f->ring, VIDEO, (uint64_t)number);
        if (index < 0 || !read_packet(f->ring, (uint64_t)index, &packet, &kind)) continue;
        if (!group.left++) leading = packet;
        octets += packet.length;
        if (packet.index >= group.seen) group.seen = packet.index + 1;
    }
    if (!group.left || octets > f->settings.burst_octets || !row || !waits(&row->streams[VIDEO])) return 0;
    struct burst *burst = malloc(sizeof *burst);
    if (!burst) return 0;
    end_burst(f, slot);
    begin(f, &row->streams[VIDEO], &leading, VIDEO);
    row->streams[VIDEO].from_index = NEVER;
    *burst = group;
    burst->ssrc = row->streams[VIDEO].ssrc, burst->next = burst->seen;
    burst->bucket = bucket_of(f->settings.viewer_bits), burst->since = now;
    f->seats[slot].burst = burst;
    serve_last(f, burst);
    f->bursts++;
    return 1;
}

/* The packet that is next; false when all that was there is sent. What the ring lost meanwhile is counted. */
static bool peek(struct fanout *f, struct burst *burst, struct packet *packet) {
    int kind;
    for (; burst->left && burst->number <= burst->newest; burst->number++) {
        int64_t index = ring_find(f->ring, VIDEO, burst->number);
        bool later = index >= 0 && (uint64_t)index >= burst->seen; /* comes by index */
        if (index >= 0 && !later && read_packet(f->ring, (uint64_t)index, packet, &kind)) return true;
    }
    drop(f, DROP_RING_EXPIRED, burst->left);
    for (burst->left = 0; burst->next < burst->seen; burst->next++) {
        bool held = read_packet(f->ring, burst->next, packet, &kind);
        if (held && kind == VIDEO) return true;
        drop(f, DROP_RING_EXPIRED, !held);
    }
    return false;
}

static void skip(struct burst *burst) {
    if (burst->left) burst->left--, burst->number++;
    else burst->next++;
}

/* Take what was stored meanwhile; when there is nothing, hand the terminal to the sweeps. */
static bool catch_up(struct fanout *f, struct burst *burst, struct stream *stream) {
    struct packet packet;
    int kind;
    uint64_t newest = ring_next_index(f->ring);
    while (newest > burst->seen && (!read_packet(f->ring, newest - 1, &packet, &kind) || kind != VIDEO)) newest--;
    if (newest == burst->seen) {
        stream->from_index = burst->seen;
        end_burst(f, burst->slot);
        return false;
    }
    burst->seen = newest;
    return true;
}

static void give_up(struct fanout *f, struct burst *burst, struct stream *stream) {
    uint32_t slot = burst->slot;
    end_burst(f, slot);
    stream->state = WAITING, stream->from_index = NEVER;
    f->waiting[VIDEO]++;
    wish(f, (int32_t)slot, WISH_BURST);
}

static uint32_t remaining(struct fanout *f, struct burst burst) {
    struct packet packet;
    uint32_t count = 0;
    for (; peek(f, &burst, &packet); skip(&burst)) count++;
    return count;
}

/* Send what was sealed; on a refusal keep it. */
static bool send_run(struct fanout *f, struct burst *burst, struct row *row, uint8_t *bytes, const struct kept *run) {
    f->refused = false;
    post(f, row, (struct parcel){burst->slot, run->packets, run->octets, run->size,
                                 run->length - (run->packets - 1) * run->size, 0, BURST, false}, bytes, run->length);
    flush(f);
    if (f->refused && !burst->refused) {
        burst->refused = keep(bytes, run->length, run->size, run->packets, run->octets);
        if (!burst->refused) drop(f, DROP_WOULD_BLOCK, run->packets);
    }
    if (f->refused) return false;
    count(&row->streams[VIDEO], run->packets, run->octets);
    free(burst->refused), burst->refused = NULL; /* it may be the run */
    struct burst kept = *burst;
    *(kept.before ? &kept.before->after : &f->first_burst) = kept.after;
    *(kept.after ? &kept.after->before : &f->last_burst) = kept.before;
    serve_last(f, burst);
    return true;
}

/* Seal packets of equal size, the last may be shorter, as the budgets allow; through callbacks one. */
static bool send_more(struct fanout *f, struct burst *burst, struct row *row, struct packet *packet, double now) {
    struct stream *stream = &row->streams[VIDEO];
    bool alone = one_by_one(f) || f->outlet->no_gso || f->seats[burst->slot].plain, more = true;
    uint8_t head[HEAD_BYTES], *bytes = f->arena;
    uint32_t head_length = write_head(stream, now, head), first = packet->length, last = first;
    struct kept run = {0};
    while (more && packet->sequence >= stream->base_sequence && last == first && packet->length <= first &&
           affordable(f, burst, packet->length, now)) {
        int size = build(stream, packet, head, head_length, false, bytes + run.length);
        if (!size) break; /* peek will count it */
        advance(stream, packet->sequence, packet->timestamp, packet->arrival);
        if (!seal(f, row, bytes + run.length, &size, 0)) {
            drop(f, DROP_SEAL_ERROR, remaining(f, *burst));
            give_up(f, burst, stream);
            return false;
        }
        if (!run.packets++) run.size = (uint32_t)size;
        run.length += (uint32_t)size;
        run.octets += last = packet->length;
        skip(burst);
        more = !alone && run.packets < MAX_PACKETS && peek(f, burst, packet);
    }
    return run.packets && send_run(f, burst, row, bytes, &run);
}

/* Send what one burst may; whether it may send more at once. */
static bool step(struct fanout *f, struct burst *burst, double now) {
    struct row *row = fanout_row(f, burst->slot);
    struct stream *stream = &row->streams[VIDEO];
    struct packet packet;
    if (stream->ssrc != burst->ssrc || stream->state != LIVE || stream->from_index != NEVER) {
        end_burst(f, burst->slot);
        return false;
    }
    if (now - burst->since > MAX_BURST_SECONDS) return give_up(f, burst, stream), false;
    if (!reserve(f, row, MAX_PACKETS)) return give_up(f, burst, stream), false;
    if (burst->refused) {
        struct kept *kept = burst->refused;
        return affordable(f, burst, kept->octets, now) && send_run(f, burst, row, kept->bytes, kept);
    }
    while (!peek(f, burst, &packet))
        if (!catch_up(f, burst, stream)) return false;
    if (packet.sequence < stream->base_sequence) {
        drop(f, DROP_BEFORE_SWITCH, 1);
        skip(burst);
        return true;
    }
    return send_more(f, burst, row, &packet, now);
}

void fanout_handle_bursts(struct fanout *f, double now) {
    uint32_t ready = 0;
    for (struct burst *burst = f->first_burst; burst; burst = burst->after) f->ready[ready++] = burst;
    while (ready) {
        uint32_t still = 0;
        for (uint32_t i = 0; i < ready; i++) {
            struct burst *burst = f->ready[i];
            if (step(f, burst, now)) f->ready[still++] = burst;
        }
        ready = still;
    }
}

/* -- repair (nack.Retransmitter) -- */

static struct account *account_of(struct fanout *f, uint32_t slot, double now) {
    struct account *account = f->seats[slot].account;
    const struct stream *video = &f->rows[slot].streams[VIDEO];
    if (account && account->ssrc == video->ssrc) return account;
    if (!account) account = f->seats[slot].account = malloc(sizeof *account);
    if (!account) return NULL;
    *account = (struct account){video->ssrc, video->octets, MAX_ASKED, now, FIRST_BUDGET, {{0}}};
    for (int i = 0; i < ANSWERED; i++) account->answered[i].at = -INFINITY;
    return account;
}

/* The packet sealed: under a number of its own (RFC 4588 section 4), or once more the very same. */
static int build_again(struct fanout *f, struct row *row, const struct stream *stream, const struct packet *packet,
                       bool rtx, double now, uint8_t *at) {
    uint8_t head[HEAD_BYTES];
    int length;
    if (!rtx) {
        uint32_t head_length = write_head(stream, now, head);
        length = build(stream, packet, head, head_length, false, at);
    } else {
        at[0] = 0x80;
        at[1] = (packet->flags & FLAG_MARKER ? 0x80 : 0) | row->rtx_payload_type;
        put16(at + 2, row->rtx_next++);
        put32(at + 4, (uint32_t)packet->timestamp + stream->timestamp_offset);
        put32(at + 8, row->rtx_ssrc);
        put16(at + 12, (uint32_t)packet->sequence + stream->sequence_offset);
        memcpy(at + 14, packet->slot->payload, packet->length);
        length = slot_holds(packet->slot, packet->index) ? 14 + packet->length : 0;
    }
    if (!length) return drop(f, DROP_RING_EXPIRED, 1), 0;
    if (!seal(f, row, at, &length, 0)) return drop(f, DROP_SEAL_ERROR, 1), 0;
    return length;
}

static void repeat(struct fanout *f, uint32_t slot, struct stream *stream, const struct packet *packet, bool rtx,
                   double now) {
    struct row *row = &f->rows[slot];
    if (!reserve(f, row, 1)) return drop(f, DROP_NO_PATH, 1);
    int length = build_again(f, row, stream, packet, rtx, now, f->arena + f->used);
    if (length) add(f, row, (struct parcel){.slot = slot, .size = (uint32_t)length, .purpose = REPAIR});
}

static void answer_one(struct fanout *f, uint32_t slot, int kind, uint16_t sequence, struct account *account,
                       double rtt, double now) {
    struct row *row = &f->rows[slot];
    struct stream *stream = &row->streams[kind];
    uint32_t behind = (uint16_t)(stream->next_sequence - 1 - sequence);
    uint32_t span = stream->next_sequence - 1 - (uint32_t)stream->base_sequence - stream->sequence_offset;
    uint64_t source = stream->base_sequence + span - behind;
    struct packet packet;
    int found;
    if (stream->state != LIVE || behind > span)
        return drop(f, stream->state == LIVE ? DROP_BEFORE_SWITCH : DROP_NOT_FORWARDING, 1);
    bool rtx = kind == VIDEO && row->rtx_ssrc;
    uint32_t late = stream->next_sequence - (uint32_t)source - stream->sequence_offset;
    int64_t index = f->ring ? ring_find(f->ring, kind, source) : -1;
    bool same = rtx || (!stream->time_offset && late <= MAX_LATE_WITHOUT_RTX);
    if (index < 0 || !same || !read_packet(f->ring, (uint64_t)index, &packet, &found))
        return drop(f, DROP_RING_EXPIRED, 1);
    uint32_t place = (source + (uint64_t)kind * ANSWERED / 2) % ANSWERED;
    if (account->answered[place].at > now - rtt && account->answered[place].kind == kind &&
        account->answered[place].source == source) return drop(f, DROP_NACK_REPEATED, 1);
    if (account->budget < packet.length) return drop(f, DROP_NACK_BUDGET, 1);
    account->answered[place].source = source, account->answered[place].kind = kind, account->answered[place].at = now;
    account->budget -= packet.length;
    repeat(f, slot, stream, &packet, rtx, now);
}

uint32_t fanout_answer(struct fanout *f, uint32_t slot, uint32_t media_ssrc, const uint16_t *lost, uint32_t count,
                       double rtt, double now) {
    struct row *row = fanout_row(f, slot);
    uint64_t before = f->counters.packets_out;
    int kind = 0;
    while (row && kind < KINDS && (row->streams[kind].state == OFF || row->streams[kind].ssrc != media_ssrc)) kind++;
    struct account *account = row && kind < KINDS ? account_of(f, slot, now) : NULL;
    if (!account) return 0;
    uint32_t octets = row->streams[VIDEO].octets;
    account->budget = fmin(account->budget + f->settings.nack_share * (octets - account->octets), MAX_BUDGET);
    account->octets = octets, account->looks = fmin(account->looks + (now - account->looked) * MAX_ASKED, MAX_ASKED);
    account->looked = now;
    uint32_t granted = account->looks > 0 ? (uint32_t)account->looks : 0;
    if (granted > count) granted = count;
    account->looks -= granted;
    drop(f, DROP_NACK_BUDGET, count - granted);
    for (uint32_t i = 0; i < granted; i++) answer_one(f, slot, kind, lost[i], account, rtt, now);
    flush(f);
    return (uint32_t)(f->counters.packets_out - before);
}

/* -- sender reports (clock.py) -- */

void fanout_clock(struct fanout *f, double ntp_offset, double audio_origin, double video_origin) {
    f->ntp_offset = ntp_offset, f->origins[AUDIO] = audio_origin, f->origins[VIDEO] = video_origin;
}

/* RFC 3550 sections 6.4.1 and 6.5: a report about each stream that sent, and the name that both share. */
static int write_reports(struct fanout *f, const struct row *row, double now, uint8_t *out) {
    uint8_t *at = out;
    uint64_t ntp = (uint64_t)fmod((f->ntp_offset + now) * 4294967296.0, 18446744073709551616.0);
    for (int kind = 0; kind < KINDS; kind++) {
        const struct stream *stream = &row->streams[kind];
        if (isnan(f->origins[kind]) || !stream->packets) continue;
        int64_t timestamp = llrint((now - f->origins[kind]) * (kind == VIDEO ? CLOCK_VIDEO : CLOCK_AUDIO));
        uint32_t words[] = {0x80C80006, stream->ssrc, (uint32_t)(ntp >> 32), (uint32_t)ntp,
                            (uint32_t)timestamp + stream->timestamp_offset, stream->packets, stream->octets};
        for (int i = 0; i < 7; i++, at += 4) put32(at, words[i]);
    }
    if (at == out) return 0;
    put32(at, 0x81CA0004);
    memcpy(at + 4, out + 4, 4);
    memcpy(at + 8, "\1\11jiangtang", 12);
    return (int)(at + 20 - out);
}

static int report(struct fanout *f, uint32_t slot, double now) {
    struct row *row = fanout_row(f, slot);
    if (!row || !reserve(f, row, 1)) return 0;
    uint8_t *at = f->arena + f->used;
    int length = write_reports(f, row, now, at);
    if (!length) return 0;
    f->untold -= !f->seats[slot].told, f->seats[slot].told = true;
    if (!seal(f, row, at, &length, 1)) drop(f, DROP_SEAL_ERROR, 1);
    else add(f, row, (struct parcel){.slot = slot, .size = (uint32_t)length, .purpose = REPORT});
    return 1;
}

int fanout_report(struct fanout *f, uint32_t slot, double now) {
    int told = report(f, slot, now);
    flush(f);
    return told;
}

void fanout_handle_reports(struct fanout *f, double now) {
    bool known = !isnan(f->origins[AUDIO]) || !isnan(f->origins[VIDEO]);
    uint32_t viewers = f->counters.viewers;
    double elapsed = isnan(f->ticked) ? 0 : now - f->ticked;
    f->ticked = now;
    if (!f->forwarding || !known) return;
    f->credit += viewers * elapsed;
    uint32_t due = f->credit < viewers ? (uint32_t)f->credit : viewers;
    f->credit = fmin(f->credit - due, 1.0);
    for (; due; f->cursor++) {
        if (f->cursor >= f->top) f->cursor = 0;
        if (!f->seats[f->cursor].joined) continue;
        report(f, f->cursor, now);
        due--;
    }
    for (uint32_t slot = 0; slot < f->top && f->untold; slot++)
        if (f->seats[slot].joined && !f->seats[slot].told) report(f, slot, now);
    flush(f);
}
