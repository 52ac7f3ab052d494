/* A publisher's packets: headers, extensions, retransmissions, H.264, and the ring that holds them. */
#include "harness.h"

enum { SLOTS = 16, TIME_ID = 3 };

/* What the ring says of itself must hold whatever came. */
static void check(struct ring *ring, int64_t index, const uint8_t *packet, uint32_t length) {
    struct slot *slot = ring_at(ring, (uint64_t)index);
    CHECK(slot && slot->index == (uint64_t)index && slot->kind < KINDS);
    CHECK(slot->length <= length && slot->length <= PAYLOAD_BYTES);
    CHECK(ring_find(ring, slot->kind, slot->sequence) == index);
    CHECK(ring_newest(ring, slot->kind) >= (int64_t)slot->sequence);
    CHECK(ring_next_index(ring) - ring_oldest(ring) <= SLOTS);
    CHECK(!!(slot->flags & FLAG_MARKER) == packet[1] >> 7);
    int64_t first = ring_gop(ring);
    CHECK(first < 0 || ring_find(ring, VIDEO, (uint64_t)first) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, data + size};
    struct ring *ring = ring_new(2.0, SLOTS);
    struct intake *intake = intake_new(ring);
    CHECK(ring && intake);
    for (int type = 0; type < 128; type++)
        if (type % 4 < 3) intake_listen(intake, type, type % 4 > 0, type % 4 == 2 ? type - 1 : -1, TIME_ID);
    uint32_t length;
    double now = 1;
    for (uint8_t *packet; (packet = take_packet(&input, &length)); free(packet)) {
        int64_t index = intake_rtp(intake, packet, length, now += 0.125);
        CHECK(index > -DROPS);
        if (index >= 0) check(ring, index, packet, length);
    }
    intake_free(intake);
    ring_free(ring);
    return 0;
}
