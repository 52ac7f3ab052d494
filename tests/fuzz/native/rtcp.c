/* What a terminal reports, and the answers from the ring to what it asks for. An input is one compound. */
#include "harness.h"

enum { SLOT = 1, FIRST = 100, SENT = 60, MOST = 5, VIDEO_SSRC = 2000, AUDIO_SSRC = 1000 };
static uint32_t answered;

static int seal(void *context, uint64_t handle, uint8_t *packet, int *length, int rtcp) {
    (void)context, (void)handle, (void)packet, (void)length, (void)rtcp;
    return 0;
}

static int transmit(void *context, uint32_t slot, const uint8_t *datagram, int length) {
    (void)context;
    CHECK(slot == SLOT && length >= 14 && datagram[0] >> 6 == 2);
    answered++;
    return 0;
}

static void wished(void *context, int32_t slot, int reason) { (void)context, (void)slot, (void)reason; }

static struct ring *lecture(void) {
    static uint8_t payload[900];
    struct ring *ring = ring_new(1000, 64);
    for (uint64_t n = 0; n < SENT; n++)
        ring_store(ring, VIDEO, 70000 + n, n / 3 * 3000, payload, sizeof payload, n ? 0 : 6, 1, UINT32_MAX, 0);
    return ring;
}

static struct fanout *fanout_of(struct ring *ring) {
    struct fanout_settings settings = {.capacity = 2, .queue = 16, .nack_share = 0.25};
    struct callbacks callbacks = {NULL, seal, transmit, wished};
    struct fanout *fanout = fanout_new(&settings, &callbacks);
    CHECK(fanout);
    fanout_source_changed(fanout, ring);
    fanout_set_forwarding(fanout, 1);
    return fanout;
}

static void join(struct fanout *fanout) {
    struct row *row = (struct row *)fanout_rows(fanout) + SLOT;
    *row = (struct row){.generation = 7, .flags = 1, .rtx_ssrc = 3000, .rtx_payload_type = 109};
    row->streams[AUDIO] = (struct stream){.ssrc = AUDIO_SSRC, .state = WAITING, .next_sequence = FIRST};
    row->streams[VIDEO] = (struct stream){
        .ssrc = VIDEO_SSRC, .state = LIVE, .next_sequence = FIRST, .base_sequence = 70000,
        .sequence_offset = (uint32_t)(FIRST - 70000), .skip_timestamp = NEVER, .octets = 1000};
    fanout_join(fanout, SLOT);
    row->streams[VIDEO].next_sequence = FIRST + SENT;
    row->streams[VIDEO].octets += SENT * 900;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct fanout *fanout;
    if (!fanout) fanout = fanout_of(lecture());
    join(fanout);
    uint8_t *compound = copy_of(data, size);
    struct asked *nacks = malloc(MOST * sizeof *nacks);
    struct acknowledgements *told = &fanout_acknowledgements(fanout)[SLOT], before = *told;
    uint32_t count = 99;
    int keyframe = 0;
    int status = fanout_feedback(fanout, SLOT, compound, (uint32_t)size, 3.9e9, 5, nacks, &count, MOST, &keyframe);
    CHECK(status > -DROPS && status <= 0 && count <= MOST);
    CHECK(!status || (!count && !keyframe && !memcmp(told, &before, sizeof before)));
    CHECK(told->streams[VIDEO].advance <= SENT && told->streams[VIDEO].lost <= SENT && told->streams[AUDIO].advance == 0);
    answered = 0;
    for (uint32_t n = 0; n < count; n++) {
        CHECK(nacks[n].count >= 1 && nacks[n].count <= 64 && nacks[n].slot == SLOT && nacks[n].generation == 7);
        fanout_answer(fanout, SLOT, nacks[n].ssrc, nacks[n].lost, nacks[n].count, nacks[n].rtt, 5);
    }
    CHECK(answered <= SENT); /* each at most once in a round trip */
    fanout_leave(fanout, SLOT);
    free(nacks);
    free(compound);
    return 0;
}
