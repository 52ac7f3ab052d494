/* The demultiplexer: datagrams from a publisher, a viewer, one who is not connected yet, and strangers.
 *
 * An input is a list of datagrams, a byte before each says who sent it. libsrtp is played by a function that cuts a tag off,
 * where the last byte says that there is one, or finds it wrong. */
#include "harness.h"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PUBLISHER = 1, VIEWER, STRANGE, SENDERS = 6, TIME_ID = 3 };

static int open_packet(void *session, void *packet, int *length) {
    uint8_t last = ((uint8_t *)packet)[*length - 1];
    int tag = last >= 0xF0 ? last & 15 : 0;
    if (!session || *length < 8 + tag) return 1;
    *length -= tag;
    return 0;
}

static struct engine *engine_of_one_socket(void) {
    static int sockets[1];
    uint64_t opener = (uint64_t)(uintptr_t)open_packet;
    struct libsrtp srtp = {opener, opener, opener, opener};
    sockets[0] = socket(AF_INET, SOCK_DGRAM, 0);
    struct engine *engine = engine_new(sockets, 1, 1, &srtp, eventfd(0, EFD_NONBLOCK));
    CHECK(engine);
    return engine;
}

static struct sockaddr_in address_of(uint32_t sender) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = (uint16_t)(4000 + sender)};
    return address;
}

static struct peer *open_peer(struct engine *engine, uint32_t sender) {
    struct peer *peer = engine_open(engine, sender);
    struct sockaddr_in address = address_of(sender);
    CHECK(peer && engine_address(engine, peer, ADDRESS_CLAIM, 0, (uint8_t *)&address, sizeof address) == 0);
    return peer;
}

static void drain(struct engine *engine) {
    for (struct upward *up; (up = engine_next(engine));)
        CHECK(up->what >= UP_DATAGRAM && up->what <= UP_HEARD && up->length <= sizeof up->data && up->tag <= STRANGE);
    engine_rearm(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct engine *engine;
    static struct feed *feed;
    static const struct fanout_settings settings = {.capacity = 2, .queue = 16, .nack_share = 0.25, .wish_seconds = 1};
    if (!engine) feed = engine_adopt(engine = engine_of_one_socket(), &settings, 0, 3.9e9);
    struct ring *ring = ring_new(2.0, 16);
    struct intake *intake = intake_new(ring);
    for (int type = 0; type < 128; type++)
        if (type % 4 < 3) intake_listen(intake, type, type % 4 > 0, type % 4 == 2 ? type - 1 : -1, TIME_ID);
    struct peer *publisher = open_peer(engine, PUBLISHER), *viewer = open_peer(engine, VIEWER);
    struct peer *strange = open_peer(engine, STRANGE);
    struct row row = {.generation = 7, .flags = 1}, nobody = {0};
    row.streams[VIDEO] = (struct stream){.ssrc = 2000, .state = WAITING, .next_sequence = 100};
    engine_connect(publisher, 1, intake, 4);
    engine_connect(viewer, 1, NULL, 4);
    engine_join(feed, 1, viewer, (uint8_t *)&row);
    engine_feed(feed, intake, 0);
    struct input input = {data, data + size};
    uint32_t length;
    double now = 1;
    while (input.at < input.end) {
        struct sockaddr_in from = address_of(take_byte(&input) % SENDERS);
        uint8_t *datagram = take_packet(&input, &length);
        if (datagram) engine_receive(engine, 0, (uint8_t *)&from, sizeof from, datagram, length, now += 0.05);
        free(datagram);
    }
    drain(engine);
    engine_wished(feed);
    engine_feed(feed, NULL, 0);
    engine_leave(feed, 1, viewer, (uint8_t *)&nobody);
    engine_close(publisher), engine_close(viewer), engine_close(strange);
    intake_free(intake);
    ring_free(ring);
    return 0;
}
