/* The floor: what a fan-out of SRTP over UDP cannot do without, and nothing else.
 *
 * For every receiver: copy each packet, put the receiver's numbers into its header, let libsrtp seal it, give it to the
 * kernel. No queues, no RTCP, no lookups, no padding. `trains` sends all packets of one call to a receiver as one
 * datagram train (UDP_SEGMENT); otherwise each packet is a datagram of its own. Receivers are served in batches, one
 * sendmmsg a batch.
 *
 * libsrtp is called through an address that the caller hands in, so that nothing is linked here. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum { RECEIVERS_A_BATCH = 24, PACKETS_A_CALL = 12, WIRE_BYTES = 1280 };

typedef int (*seal_fn)(void *context, void *packet, int *length);

struct receiver {
    void *context;
    uint32_t address; /* network byte order */
    uint16_t port;    /* network byte order */
    uint16_t sequence_offset;
    uint32_t ssrc;
};

struct batch {
    uint8_t wire[RECEIVERS_A_BATCH][PACKETS_A_CALL * WIRE_BYTES];
    struct sockaddr_in to[RECEIVERS_A_BATCH];
    struct iovec parts[RECEIVERS_A_BATCH * PACKETS_A_CALL];
    struct mmsghdr messages[RECEIVERS_A_BATCH * PACKETS_A_CALL];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(uint16_t))];
    } control[RECEIVERS_A_BATCH];
    unsigned used;
};

static struct batch work;

/* Copies and seals one packet to `out`; returns its length on the wire, or 0. */
static int seal_packet(const struct receiver *r, seal_fn seal, const uint8_t *plain, int length, uint8_t *out) {
    uint16_t sequence;
    uint32_t ssrc = htonl(r->ssrc);
    int sealed = length;
    memcpy(out, plain, (size_t)length);
    memcpy(&sequence, plain + 2, sizeof sequence);
    sequence = htons((uint16_t)(ntohs(sequence) + r->sequence_offset));
    memcpy(out + 2, &sequence, sizeof sequence);
    memcpy(out + 8, &ssrc, sizeof ssrc);
    return seal(r->context, out, &sealed) == 0 ? sealed : 0;
}

/* Appends a datagram, or a train whose datagrams have `segment` bytes, for receiver number `k` of the batch. */
static void append(int k, uint8_t *data, size_t size, uint16_t segment) {
    struct mmsghdr *message = &work.messages[work.used];
    struct iovec *part = &work.parts[work.used++];
    memset(message, 0, sizeof *message);
    part->iov_base = data;
    part->iov_len = size;
    message->msg_hdr.msg_name = &work.to[k];
    message->msg_hdr.msg_namelen = sizeof work.to[k];
    message->msg_hdr.msg_iov = part;
    message->msg_hdr.msg_iovlen = 1;
    if (segment != 0) {
        struct cmsghdr *control;
        message->msg_hdr.msg_control = work.control[k].bytes;
        message->msg_hdr.msg_controllen = sizeof work.control[k].bytes;
        control = CMSG_FIRSTHDR(&message->msg_hdr);
        control->cmsg_level = SOL_UDP;
        control->cmsg_type = UDP_SEGMENT;
        control->cmsg_len = CMSG_LEN(sizeof segment);
        memcpy(CMSG_DATA(control), &segment, sizeof segment);
    }
}

static int flush(int fd) {
    unsigned done = 0;
    while (done < work.used) {
        int sent = sendmmsg(fd, work.messages + done, work.used - done, 0);
        if (sent > 0)
            done += (unsigned)sent;
        else if (errno != EINTR)
            return -errno;
    }
    work.used = 0;
    return 0;
}

/* Sends `packets` packets of `length` bytes, which stand one behind the other in `plain`, to every receiver.
 * Returns 0, or a negative errno; -EINVAL when there are too many or too long packets or libsrtp refuses one. */
int floor_send(int fd, seal_fn seal, const struct receiver *receivers, int count, const uint8_t *plain, int packets,
               int length, int trains) {
    if (packets < 1 || packets > PACKETS_A_CALL || length < 12 || length > WIRE_BYTES - 64)
        return -EINVAL;
    for (int first = 0; first < count; first += RECEIVERS_A_BATCH) {
        int failed;
        for (int k = 0; k < RECEIVERS_A_BATCH && first + k < count; k++) {
            const struct receiver *r = &receivers[first + k];
            uint8_t *out = work.wire[k];
            int sealed = 0;
            memset(&work.to[k], 0, sizeof work.to[k]);
            work.to[k].sin_family = AF_INET;
            work.to[k].sin_port = r->port;
            work.to[k].sin_addr.s_addr = r->address;
            for (int p = 0; p < packets; p++) {
                sealed = seal_packet(r, seal, plain + p * length, length, out);
                if (sealed == 0)
                    return -EINVAL;
                if (!trains)
                    append(k, out, (size_t)sealed, 0);
                out += sealed;
            }
            if (trains)
                append(k, work.wire[k], (size_t)(out - work.wire[k]), packets > 1 ? (uint16_t)sealed : 0);
        }
        failed = flush(fd);
        if (failed)
            return failed;
    }
    return 0;
}
