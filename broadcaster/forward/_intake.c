/* What comes in: the ring, a publisher's packets, what a terminal reports. Twin of cache.py, of intake.py with
 * rtp/packet.py, rtp/extensions.py, rtp/h264.py and rtp/sequence.py, and of reports.py with rtp/rtcp.py.
 *
 * 1. A ring and its intake are written by one thread. Readers take no lock: they look at a slot's index, copy, and
 *    look again.
 * 2. A length is compared with what is left before anything behind it is read. A damaged compound changes nothing. */
#include "_native.h"

/* -- the ring -- */

struct ring {
    double seconds;
    uint32_t slots, shift; /* 64 - shift bits name a chain */
    struct slot *memory;   /* untouched slots take no memory */
    _Atomic uint64_t *heads, *before; /* chains of index + 1 of numbers that hash alike, newest first */
    _Atomic uint64_t next_index, oldest;
    _Atomic int64_t newest[KINDS], keyframe;
    int64_t evicted[KINDS]; /* the writer's: greatest sequence number that is gone */
};

struct ring *ring_new(double seconds, uint32_t slots) {
    uint32_t bits = 1;
    while (bits < 32 && (1ULL << bits) < 2ULL * slots) bits++;
    size_t entries = (1ULL << bits) + slots;
    struct ring *ring = calloc(1, sizeof *ring + sizeof(uint64_t) * entries + SLOT_BYTES * ((size_t)slots + 1));
    if (!ring) return NULL;
    ring->seconds = seconds;
    ring->slots = slots;
    ring->shift = 64 - bits;
    ring->heads = (_Atomic uint64_t *)(ring + 1);
    ring->before = ring->heads + (1ULL << bits);
    ring->memory = (struct slot *)(((uintptr_t)(ring->before + slots) + 63) & ~(uintptr_t)63); /* where a line begins */
    ring->memory[0].index = NEVER;
    ring->keyframe = -1;
    for (int kind = 0; kind < KINDS; kind++) ring->newest[kind] = ring->evicted[kind] = -1;
    return ring;
}

void ring_free(struct ring *ring) { free(ring); }
uint8_t *ring_memory(struct ring *ring) { return (uint8_t *)ring->memory; }
uint64_t ring_next_index(struct ring *ring) { return atomic_load_explicit(&ring->next_index, memory_order_acquire); }
uint64_t ring_oldest(struct ring *ring) { return atomic_load_explicit(&ring->oldest, memory_order_acquire); }
int64_t ring_newest(struct ring *ring, int kind) { return ring->newest[kind == VIDEO]; }

struct slot *ring_at(struct ring *ring, uint64_t index) {
    if (index < ring_oldest(ring) || index >= ring_next_index(ring)) return NULL;
    struct slot *slot = &ring->memory[index % ring->slots];
    return atomic_load_explicit(&slot->index, memory_order_acquire) == index ? slot : NULL;
}

static _Atomic uint64_t *chain_of(struct ring *ring, int kind, uint64_t sequence) {
    return &ring->heads[((sequence << 1 | (kind == VIDEO)) * 0x9E3779B97F4A7C15) >> ring->shift];
}

static int64_t look_up(struct ring *ring, int kind, uint64_t sequence, uint64_t *timestamp) {
    uint64_t index = atomic_load_explicit(chain_of(ring, kind, sequence), memory_order_acquire) - 1;
    for (uint32_t steps = 0; steps < ring->slots; steps++) { /* a chain that is written meanwhile may lead astray */
        struct slot *slot = ring_at(ring, index);
        if (!slot) break;
        bool found = slot->kind == kind && slot->sequence == sequence;
        uint64_t before = atomic_load_explicit(&ring->before[index % ring->slots], memory_order_relaxed);
        *timestamp = slot->timestamp;
        if (!slot_holds(slot, index)) break;
        if (found) return (int64_t)index;
        index = before - 1;
    }
    return -1;
}

int64_t ring_find(struct ring *ring, int kind, uint64_t sequence) {
    uint64_t timestamp;
    return look_up(ring, kind, sequence, &timestamp);
}

int64_t ring_gop(struct ring *ring) {
    uint64_t number = (uint64_t)ring->keyframe, timestamp, before;
    if (look_up(ring, VIDEO, number, &timestamp) < 0) return -1;
    /* Parameter sets that were overtaken by their picture stand before it. */
    while (look_up(ring, VIDEO, number - 1, &before) >= 0 && before == timestamp) number--;
    return (int64_t)number;
}

/* `head` says everything of a packet but its index and payload. */
static void write_slot(struct ring *ring, uint64_t index, const struct slot *head, const uint8_t *payload) {
    struct slot *slot = &ring->memory[index % ring->slots];
    _Atomic uint64_t *chain = chain_of(ring, head->kind, head->sequence);
    int64_t sequence = (int64_t)head->sequence;
    atomic_store_explicit(&slot->index, NEVER, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    memcpy((uint8_t *)slot + sizeof slot->index, (const uint8_t *)head + sizeof slot->index,
           offsetof(struct slot, payload) - sizeof slot->index);
    memcpy(slot->payload, payload, head->length);
    ring->before[index % ring->slots] = *chain;
    atomic_store_explicit(&slot->index, index, memory_order_release);
    if (index >= ring->next_index) ring->next_index = index + 1;
    *chain = index + 1;
    if (sequence > ring->newest[head->kind]) ring->newest[head->kind] = sequence;
    if (head->flags & FLAG_STARTS_KEYFRAME && sequence > ring->keyframe) ring->keyframe = sequence;
}

static void make_room(struct ring *ring, double now) {
    uint64_t oldest = ring->oldest, next = ring->next_index;
    double horizon = now - ring->seconds;
    for (; oldest < next; oldest++) {
        struct slot *slot = &ring->memory[oldest % ring->slots];
        if (slot->index != oldest) continue; /* never put */
        if (next - oldest < ring->slots && !(slot->arrival < horizon)) break;
        if ((int64_t)slot->sequence > ring->evicted[slot->kind]) ring->evicted[slot->kind] = (int64_t)slot->sequence;
    }
    ring->oldest = oldest;
}

static int64_t store(struct ring *ring, struct slot *head, const uint8_t *payload, size_t length) {
    if (length > PAYLOAD_BYTES) return -DROP_OVERSIZE;
    if (ring_find(ring, head->kind, head->sequence) >= 0) return -DROP_DUPLICATE;
    if ((int64_t)head->sequence <= ring->evicted[head->kind]) return -DROP_TOO_OLD;
    make_room(ring, head->arrival);
    uint64_t index = ring->next_index;
    head->length = (uint16_t)length;
    write_slot(ring, index, head, payload);
    return (int64_t)index;
}

int64_t ring_store(struct ring *ring, int kind, uint64_t sequence, uint64_t timestamp, const uint8_t *payload,
                   uint32_t length, int flags, double arrival, uint32_t send_time, uint32_t wire_bytes) {
    struct slot head = {.sequence = sequence, .timestamp = timestamp, .arrival = arrival, .kind = kind == VIDEO,
                        .flags = (uint8_t)flags, .send_time = send_time, .wire_bytes = (uint16_t)wire_bytes};
    return store(ring, &head, payload, length);
}

void ring_put(struct ring *ring, uint64_t index, int kind, uint64_t sequence, uint64_t timestamp,
              const uint8_t *payload, uint32_t length, int flags, double arrival) {
    struct slot head = {.sequence = sequence, .timestamp = timestamp, .arrival = arrival, .kind = kind == VIDEO,
                        .flags = (uint8_t)flags, .length = (uint16_t)length, .send_time = UINT32_MAX};
    if (length > PAYLOAD_BYTES) return;
    if (index >= ring->slots && index + 1 - ring->slots > ring->oldest) ring->oldest = index + 1 - ring->slots;
    write_slot(ring, index, &head, payload);
}

/* -- a publisher's packets -- */

struct lane { /* one kind; the first source that is heard is the stream */
    uint32_t ssrc;
    int64_t sequence, timestamp; /* the newest, unwrapped; -1 before the first */
    int64_t picture, first;      /* timestamp of the newest keyframe, and the number that it starts with */
};
struct intake {
    struct ring *ring;
    struct format { uint8_t taken, kind, retransmits, abs_send_time_id; } formats[128]; /* of payload types */
    struct lane lanes[KINDS];
};
struct rtp {
    const uint8_t *payload, *end, *extensions, *extensions_end;
    uint32_t profile;
};

struct intake *intake_new(struct ring *ring) {
    struct intake *intake = calloc(1, sizeof *intake);
    if (!intake) return NULL;
    intake->ring = ring;
    for (int kind = 0; kind < KINDS; kind++) intake->lanes[kind] = (struct lane){0, -1, -1, -1, -1};
    return intake;
}

void intake_free(struct intake *intake) { free(intake); }
struct ring *intake_ring(struct intake *intake) { return intake->ring; }
uint32_t intake_ssrc(struct intake *intake, int kind) { return intake->lanes[kind == VIDEO].ssrc; }

void intake_listen(struct intake *intake, int payload_type, int kind, int original, int abs_send_time_id) {
    intake->formats[payload_type & 127] = (struct format){1, kind == VIDEO, original >= 0, (uint8_t)abs_send_time_id};
}

/* sequence.Unwrapper: within half a circle of the newest value, which is one full circle up for the first. */
static int64_t unwrap(int64_t *newest, uint32_t value, int bits) {
    int64_t circle = 1LL << bits, ahead = ((value - *newest + circle / 2) & (circle - 1)) - circle / 2;
    int64_t extended = *newest < 0 ? value + circle : *newest + ahead;
    if (extended > *newest) *newest = extended;
    return extended;
}

/* RFC 3550 section 5.1. */
static bool parse_rtp(const uint8_t *packet, uint32_t length, struct rtp *rtp) {
    const uint8_t *at = packet + 12, *end = packet + length;
    memset(rtp, 0, sizeof *rtp);
    if (length < 12 || packet[0] >> 6 != 2) return false;
    size_t sources = 4 * (size_t)(packet[0] & 0x0F);
    if (sources > (size_t)(end - at)) return false;
    at += sources;
    if (packet[0] & 0x10) {
        if (4 > (size_t)(end - at)) return false;
        size_t extended = 4 * (size_t)get16(at + 2);
        rtp->profile = get16(at);
        rtp->extensions = at += 4;
        if (extended > (size_t)(end - at)) return false;
        rtp->extensions_end = at += extended;
    }
    if (packet[0] & 0x20) {
        size_t padding = end[-1];
        if (!padding || padding > (size_t)(end - at)) return false;
        end -= padding;
    }
    rtp->payload = at;
    rtp->end = end;
    return true;
}

/* abs-send-time among the elements of RFC 8285, UINT32_MAX when it is not there; behind damage nothing is. */
static uint32_t send_time_of(const struct rtp *rtp, uint32_t wanted) {
    bool one_byte = rtp->profile == 0xBEDE;
    const uint8_t *at = rtp->extensions, *end = rtp->extensions_end;
    if (!wanted || (!one_byte && (rtp->profile & 0xFFF0) != 0x1000)) return UINT32_MAX;
    while (at < end) {
        uint32_t head = *at++, name = one_byte ? head >> 4 : head;
        size_t length = (head & 0x0F) + 1;
        if (!head) continue;
        if (one_byte ? name == 15 : at == end) break;
        if (!one_byte) length = *at++;
        if (length > (size_t)(end - at)) break;
        if (name == wanted) return length == 3 ? get16(at) << 8 | at[2] : UINT32_MAX;
        at += length;
    }
    return UINT32_MAX;
}

static bool is_intra(uint8_t header) { return (header & 0x1F) == 5 || (header & 0x1F) == 7; /* IDR, SPS */ }

/* RFC 6184: whether a payload of packetization mode 0 or 1 has SPS or IDR data, and whether a unit of these begins. */
static bool inspect(const uint8_t *at, const uint8_t *end, bool *intra, bool *begins) {
    uint32_t type = at[0] & 0x1F;
    *intra = *begins = is_intra(at[0]);
    if (type >= 1 && type <= 23) return true;
    if (type == 28) { /* FU-A: the unit's type stands in the second byte */
        if (end - at < 2) return false;
        *intra = is_intra(at[1]);
        *begins = *intra && at[1] & 0x80;
        return true;
    }
    if (type != 24 || ++at == end) return false;
    while (at < end) { /* STAP-A */
        if (3 > (size_t)(end - at)) return false;
        size_t size = get16(at);
        at += 2;
        if (!size || size > (size_t)(end - at)) return false;
        *intra = *begins |= is_intra(at[0]);
        at += size;
    }
    return true;
}

/* The flags of a packet of video, as h264.PictureTracker has them; negative when it is no H.264. */
static int classify(struct lane *lane, int64_t sequence, int64_t timestamp, const struct rtp *rtp) {
    bool intra, begins;
    if (!inspect(rtp->payload, rtp->end, &intra, &begins)) return -1;
    if (timestamp == lane->picture) return intra || sequence > lane->first ? FLAG_KEYFRAME : 0;
    if (!begins || timestamp < lane->picture) return intra ? FLAG_KEYFRAME : 0;
    lane->picture = timestamp;
    lane->first = sequence;
    return FLAG_KEYFRAME | FLAG_STARTS_KEYFRAME;
}

int64_t intake_rtp(struct intake *intake, const uint8_t *packet, uint32_t length, double now) {
    struct rtp rtp;
    if (!parse_rtp(packet, length, &rtp)) return -DROP_RTP_MALFORMED;
    const struct format *format = &intake->formats[packet[1] & 0x7F];
    if (!format->taken) return -DROP_UNKNOWN_PAYLOAD_TYPE;
    struct lane *lane = &intake->lanes[format->kind];
    uint32_t sequence = get16(packet + 2), ssrc = get32(packet + 8);
    if (format->retransmits) { /* RFC 4588 section 4: the original number leads; without payload it is a probe */
        if (!lane->ssrc || rtp.payload == rtp.end) return -NO_DROP;
        if (2 > (size_t)(rtp.end - rtp.payload)) return -DROP_RTP_MALFORMED;
        sequence = get16(rtp.payload);
        rtp.payload += 2;
        ssrc = lane->ssrc;
    }
    if (!lane->ssrc) lane->ssrc = ssrc;
    if (ssrc != lane->ssrc) return -DROP_UNKNOWN_SSRC;
    int64_t number = unwrap(&lane->sequence, sequence, 16), timestamp = unwrap(&lane->timestamp, get32(packet + 4), 32);
    int flags = format->kind == VIDEO && rtp.payload < rtp.end ? classify(lane, number, timestamp, &rtp) : 0;
    if (flags < 0) return -DROP_RTP_MALFORMED;
    flags |= (packet[1] & 0x80 ? FLAG_MARKER : 0) | (format->retransmits ? FLAG_REPAIRED : 0);
    struct slot head = {
        .sequence = (uint64_t)number, .timestamp = (uint64_t)timestamp, .arrival = now, .kind = format->kind,
        .flags = (uint8_t)flags, .send_time = send_time_of(&rtp, format->abs_send_time_id),
        .wire_bytes = (uint16_t)(length < UINT16_MAX ? length : UINT16_MAX)};
    return store(intake->ring, &head, rtp.payload, (size_t)(rtp.end - rtp.payload));
}

/* -- what a terminal reports -- */

static const double FIRST_RTT = 0.05, MAX_RTT = 30.0, RTT_SMOOTHING = 0.125;
enum { SR = 200, RR, SDES, BYE, RTPFB = 205, PSFB, NACK = 1, PLI = 1, FIR = 4, APPLICATION = 15, MAX_COMPOUND = 2048 };
struct rtcp {
    uint32_t type, count;
    const uint8_t *body, *end;
};
/* A worker advances the row meanwhile: what is read twice may differ. */
static uint32_t read_once(const uint32_t *field) { return *(const volatile uint32_t *)field; }

void acknowledgements_begin(struct acknowledgements *told, const struct row *row) {
    memset(told, 0, sizeof *told);
    told->generation = row->generation;
    for (int kind = 0; kind < KINDS; kind++) told->streams[kind].highest = row->streams[kind].next_sequence - 1;
}

/* RFC 3550 section 6.5: chunks of an SSRC and items, which a null octet ends; the next chunk begins at a word. */
static bool sound_sdes(const struct rtcp *packet) {
    const uint8_t *at = packet->body, *end = packet->end;
    for (uint32_t chunk = 0; chunk < packet->count; chunk++) {
        if (4 > (size_t)(end - at)) return false;
        for (at += 4; at < end && *at; at += 2 + at[1])
            if (2 > (size_t)(end - at) || at[1] > (size_t)(end - at - 2)) return false;
        if (at == end) return false;
        at += 4 - (at - packet->body) % 4;
    }
    return true;
}

static bool is_remb(const struct rtcp *packet) {
    return packet->type == PSFB && packet->count == APPLICATION && packet->end - packet->body >= 12 &&
           !memcmp(packet->body + 8, "REMB", 4);
}

static bool sound(const struct rtcp *packet) {
    size_t size = (size_t)(packet->end - packet->body), count = packet->count;
    switch (packet->type) {
    case SR: return size >= 24 + 24 * count;
    case RR: return size >= 4 + 24 * count;
    case SDES: return sound_sdes(packet);
    case BYE: return size == 4 * count || (size > 4 * count && packet->body[4 * count] < size - 4 * count);
    case RTPFB: return count != NACK || size >= 12;
    case PSFB:
        if (count == FIR) return size > 8 && size % 8 == 0;
        return is_remb(packet) ? size >= 16 && size >= 16 + 4 * (size_t)packet->body[12] : size >= 8;
    }
    return true;
}

/* The packet at `*at`, which is advanced; false when it is damaged. Only the last may be padded (RFC 3550 6.4.1). */
static bool next_packet(const uint8_t **at, const uint8_t *end, struct rtcp *packet) {
    const uint8_t *head = *at;
    if (4 > (size_t)(end - head)) return false;
    size_t size = 4 * (size_t)get16(head + 2);
    if (head[0] >> 6 != 2 || size > (size_t)(end - head - 4)) return false;
    *at = head + 4 + size;
    *packet = (struct rtcp){head[1], head[0] & 0x1F, head + 4, *at};
    if (head[0] & 0x20) {
        size_t padding = size ? packet->end[-1] : 0;
        if (*at != end || !padding || padding % 4 || padding > size) return false;
        packet->end -= padding;
    }
    return sound(packet);
}

/* A report block, RFC 3550 section 6.4.1; reports.Acknowledgements says what it is worth. */
static void fold(struct acknowledgements *told, const struct row *row, const uint8_t *block, double ntp, double now) {
    for (int kind = 0; kind < KINDS; kind++) {
        struct reception *reception = &told->streams[kind];
        const struct stream *stream = &row->streams[kind];
        uint32_t ssrc = read_once(&stream->ssrc), last_sr = get32(block + 16);
        if (!ssrc || ssrc != get32(block)) continue;
        int32_t step = (int32_t)(get32(block + 8) - reception->highest);
        int32_t sent = (int32_t)(read_once(&stream->next_sequence) - 1 - reception->highest);
        int32_t cumulative = (int32_t)(get32(block + 4) << 8) >> 8, growth = cumulative - reception->worst;
        if (step > sent) step = sent;
        if (step > 0) {
            reception->highest += (uint32_t)step;
            reception->advance += (uint32_t)step;
            told->last_advance = now;
        }
        if (growth > 0) {
            reception->worst = cumulative;
            if (step > 0) reception->lost += (uint32_t)(growth < step ? growth : step);
        }
        told->fraction_lost = block[4];
        told->jitter = get32(block + 12);
        double rtt = (uint32_t)((uint32_t)(int64_t)(ntp * 65536) - last_sr - get32(block + 20)) / 65536.0;
        if (last_sr && rtt <= MAX_RTT) told->rtt = told->rtt == 0 ? rtt : told->rtt + RTT_SMOOTHING * (rtt - told->rtt);
    }
}

/* RFC 4585 section 6.2.1: pairs of a number and a mask of the 16 after it. Returns how many entries there are now. */
static uint32_t take_nack(const struct rtcp *packet, struct asked *entries, uint32_t count, uint32_t most) {
    struct asked *entry = NULL;
    for (const uint8_t *pair = packet->body + 8; pair < packet->end; pair += 4) {
        for (uint32_t lost = get16(pair), mask = get16(pair + 2) << 1 | 1; mask; lost++, mask >>= 1) {
            if (!(mask & 1)) continue;
            if (!entry || entry->count == 64) {
                if (count == most) return count;
                entry = &entries[count++];
                entry->ssrc = get32(packet->body + 4);
                entry->count = 0;
            }
            entry->lost[entry->count++] = (uint16_t)lost;
        }
    }
    return count;
}

static uint32_t bitrate_of(const uint8_t *remb) {
    double bitrate = ldexp(get32(remb + 12) & 0x3FFFF, remb[13] >> 2);
    return bitrate < UINT32_MAX ? (uint32_t)bitrate : UINT32_MAX;
}

int fanout_feedback(struct fanout *fanout, uint32_t slot, const uint8_t *compound, uint32_t length, double ntp,
                    double now, struct asked *nacks, uint32_t *nack_count, uint32_t most_nacks, int *keyframe) {
    const uint8_t *at = compound, *end = compound + length;
    struct row *row = fanout_row(fanout, slot);
    struct rtcp packet;
    *nack_count = 0;
    if (!length || length > MAX_COMPOUND) return -DROP_RTCP_MALFORMED;
    while (at < end)
        if (!next_packet(&at, end, &packet)) return -DROP_RTCP_MALFORMED;
    if (!row) return -DROP_NOT_CONNECTED;
    struct acknowledgements *told = &fanout_acknowledgements(fanout)[slot];
    for (at = compound; at < end && next_packet(&at, end, &packet);) {
        const uint8_t *blocks = packet.body + (packet.type == SR ? 24 : 4);
        if (packet.type == SR || packet.type == RR)
            for (uint32_t block = 0; block < packet.count; block++) fold(told, row, blocks + 24 * block, ntp, now);
        else if (packet.type == RTPFB && packet.count == NACK)
            *nack_count = take_nack(&packet, nacks, *nack_count, most_nacks);
        else if (packet.type == PSFB && (packet.count == PLI || packet.count == FIR))
            *keyframe = 1;
        else if (is_remb(&packet))
            told->estimate = bitrate_of(packet.body);
    }
    for (struct asked *entry = nacks; entry < nacks + *nack_count; entry++) {
        entry->slot = slot;
        entry->generation = row->generation;
        entry->rtt = told->rtt == 0 ? FIRST_RTT : told->rtt;
    }
    return 0;
}
