/* The threads of the native plane: one that receives, and workers that send. None of them ever takes the GIL.
 *
 *     sockets -> receive thread -> ring -> trains -> worker -> sockets        a lecturer's packets
 *                               -> acknowledgements, NACKs -> worker          what terminals report
 *                               -> upward queue, eventfd -> Python            STUN, DTLS, and everything unusual
 *
 * 1. **A libsrtp context is used by one thread**: inbound ones by the receive thread, outbound ones by their worker.
 * 2. Each thread holds its gate while it works, for one batch or one slice. Python enters the gate to change a table or a
 *    row, so that when a function that takes something away returns, nobody uses it. Order: receive gate, worker gate.
 * 3. Queues are bounded. When one is full, a train is dropped and a keyframe wished, a NACK or a datagram for Python dropped. */
#include "_native.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, DATAGRAM = 2048, TRAINS = 256, NACKS = 512, UPWARD = 512, BUCKETS = 4096, MAX_SOCKETS = 64 };
enum { MEDIA_PRIORITY = -10, MAX_SSRCS = 16, NACKS_A_TURN = 16, NACKS_A_COMPOUND = 8, SMALLEST_PACKET = 12 };
static const double HOLD = 0.002;   /* a train waits so long for the rest of its picture */
static const double BURST_TICK = 0.005, REPORT_TICK = 0.02, TELL_AGAIN = 0.1;

struct gate {
    pthread_mutex_t lock;
    atomic_int wanted;
};
struct train { /* packets of one kind: bit n stands for index first + n */
    uint64_t first, members, timestamp; /* of its newest packet */
    double since;
};
struct worker {
    struct gate gate;
    struct outlet outlet;
    struct engine *engine;
    struct feed *feeds;
    sem_t work;
    pthread_t thread;
    bool running;
};
struct feed {
    struct feed *next, *next_of_worker;
    struct worker *worker;
    struct fanout *fanout;
    struct intake *intake;
    double ntp_offset, wish_seconds, burst_at, report_at;
    uint32_t queue; /* packets of pictures that may wait */
    uint64_t overrun;
    atomic_int wish;
    atomic_uint waiting;
    atomic_uint trains_in[KINDS], trains_out[KINDS], nacks_in, nacks_out;
    struct train trains[KINDS][TRAINS];
    struct asked nacks[NACKS];
};
struct peer {
    uint64_t tag;
    void *inbound;
    struct intake *intake;
    struct feed *feed;
    struct engine *engine;
    struct link *path;
    struct peer *next_publisher;
    uint32_t slot, generation, ssrcs[MAX_SSRCS], ssrc_count, ssrc_limit;
    struct train pending[KINDS];
};
struct link {
    struct link *next;
    struct peer *peer;
    uint32_t socket;
    struct sockaddr_in6 address; /* sockaddr_in, too, without its padding */
    double heard, told;
};
struct engine {
    struct gate gate;
    struct libsrtp srtp;
    int sockets[MAX_SOCKETS], wake_fd, stop_fds[2];
    uint32_t socket_count, worker_count, lent;
    struct worker *workers;
    struct feed *feeds;
    struct peer *publishers;
    struct link *links[BUCKETS];
    uint64_t drops[DROPS];
    pthread_t thread;
    bool running;
    atomic_bool stopping, awake;
    atomic_uint up_in, up_out;
    struct upward up[UPWARD];
    struct mmsghdr messages[BATCH];
    struct iovec vectors[BATCH];
    struct sockaddr_in6 addresses[BATCH];
    uint8_t buffers[BATCH][DATAGRAM] __attribute__((aligned(16)));
    uint8_t scratch[DATAGRAM] __attribute__((aligned(16)));
};

/* -- gates and waking -- */

static void enter(struct gate *gate) {
    atomic_fetch_add(&gate->wanted, 1);
    pthread_mutex_lock(&gate->lock);
    atomic_fetch_sub(&gate->wanted, 1);
}

static void leave(struct gate *gate) { pthread_mutex_unlock(&gate->lock); }

/* A mutex does not hand itself over: without this the thread that works would take its own gate again and again. */
static void let_in(struct gate *gate) {
    while (atomic_load(&gate->wanted)) sched_yield();
}

static void wake_python(struct engine *engine) {
    uint64_t one = 1;
    if (!atomic_exchange(&engine->awake, true) && write(engine->wake_fd, &one, sizeof one) < 0) return;
}

void engine_rearm(struct engine *engine) { atomic_store(&engine->awake, false); }

static void wish(void *context, int32_t slot, int reason) {
    struct feed *feed = context;
    (void)slot;
    atomic_store(&feed->wish, reason);
    wake_python(feed->worker->engine);
}

/* -- addresses -- */

static bool address_of(struct sockaddr_in6 *to, const void *address, uint32_t length) {
    memset(to, 0, sizeof *to);
    if (length < sizeof(struct sockaddr_in) || length > sizeof *to) return false;
    memcpy(to, address, length);
    if (to->sin6_family == AF_INET) memset((uint8_t *)to + 8, 0, sizeof *to - 8);
    return to->sin6_family == AF_INET || length == sizeof *to;
}

static uint32_t bucket_of(uint32_t socket, const struct sockaddr_in6 *address) {
    uint64_t words[3], hash = socket;
    memcpy(words, (const uint8_t *)address + 2, 24); /* port, address, and of IPv6 the flow, which is zero */
    for (int n = 0; n < 3; n++) hash = (hash ^ words[n]) * 0x9E3779B97F4A7C15u, hash ^= hash >> 29;
    return hash % BUCKETS;
}

static struct link **find(struct engine *engine, uint32_t socket, const struct sockaddr_in6 *address) {
    struct link **at = &engine->links[bucket_of(socket, address)];
    while (*at && ((*at)->socket != socket || memcmp(&(*at)->address, address, sizeof *address))) at = &(*at)->next;
    return at;
}

static void forget(struct link **at) {
    struct link *link = *at;
    if (link->peer->path == link) link->peer->path = NULL;
    *at = link->next;
    free(link);
}

/* -- up to Python -- */

/* What is `patient` waits for the tick of the loop: to wake Python costs more than to answer a check. */
static void tell(struct engine *engine, int what, uint64_t tag, uint32_t socket, const struct sockaddr_in6 *address,
                 const uint8_t *data, uint32_t length, double now, bool patient) {
    uint32_t in = atomic_load(&engine->up_in);
    if (in - atomic_load(&engine->up_out) >= (tag ? UPWARD : UPWARD / 2)) { /* strangers crowd nobody out */
        engine->drops[DROP_QUEUE_FULL]++;
        return;
    }
    struct upward *up = &engine->up[in % UPWARD];
    up->what = what, up->tag = tag, up->socket = socket, up->now = now;
    up->address_length = address->sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof *address;
    memcpy(up->address, address, up->address_length);
    up->length = length;
    memcpy(up->data, data, length);
    atomic_store(&engine->up_in, in + 1);
    if (!patient) wake_python(engine);
}

struct upward *engine_next(struct engine *engine) {
    /* The entry given before is free only now: `up_out` runs one behind while Python looks at it. */
    uint32_t out = atomic_load(&engine->up_out);
    if (engine->lent) atomic_store(&engine->up_out, ++out);
    engine->lent = out != atomic_load(&engine->up_in);
    return engine->lent ? &engine->up[out % UPWARD] : NULL;
}

/* -- down to the workers -- */

/* Give a worker a train. What finds the queue full is lost to the end of its picture, and a keyframe is wished. */
static void push_train(struct feed *feed, int kind, const struct train *train) {
    uint32_t in = atomic_load(&feed->trains_in[kind]), count = (uint32_t)__builtin_popcountll(train->members);
    bool full = in - atomic_load(&feed->trains_out[kind]) >= TRAINS;
    if (kind == VIDEO) full |= atomic_load(&feed->waiting) + count > feed->queue || train->timestamp == feed->overrun;
    if (full) {
        if (kind == VIDEO) feed->overrun = train->timestamp;
        feed->worker->engine->drops[DROP_SWEEP_QUEUE_FULL] += count;
        return wish(feed, EVERYBODY, WISH_QUEUE);
    }
    feed->trains[kind][in % TRAINS] = *train;
    if (kind == VIDEO) atomic_fetch_add(&feed->waiting, count), feed->overrun = NEVER;
    atomic_store(&feed->trains_in[kind], in + 1);
    sem_post(&feed->worker->work);
}

static void send_off(struct engine *engine, struct peer *peer, int kind) {
    struct train *train = &peer->pending[kind];
    if (!train->members) return;
    for (struct feed *feed = engine->feeds; feed; feed = feed->next)
        if (feed->intake == peer->intake) push_train(feed, kind, train);
    train->members = 0;
    wake_python(engine); /* the recorder and the statistics read the ring */
}

static void append(struct engine *engine, struct peer *peer, uint64_t index, double now) {
    struct slot *slot = ring_at(intake_ring(peer->intake), index);
    if (!slot) return;
    struct train *train = &peer->pending[slot->kind];
    if (train->members && index - train->first >= 64) send_off(engine, peer, slot->kind);
    if (!train->members) *train = (struct train){index, 0, 0, now};
    train->members |= (uint64_t)1 << (index - train->first);
    train->timestamp = slot->timestamp;
    if (slot->flags & (FLAG_MARKER | FLAG_REPAIRED)) send_off(engine, peer, slot->kind);
}

/* Send off the sound that came, and pictures that waited long enough; how long the rest may wait, < 0: there is none. */
static double send_off_due(struct engine *engine, double now) {
    double wait = -1;
    for (struct peer *peer = engine->publishers; peer; peer = peer->next_publisher) {
        send_off(engine, peer, AUDIO);
        struct train *train = &peer->pending[VIDEO];
        if (!train->members) continue;
        double left = train->since + HOLD - now;
        if (left <= 0) send_off(engine, peer, VIDEO);
        else if (wait < 0 || left < wait) wait = left;
    }
    return wait;
}

/* -- what comes in -- */

static void feedback(struct engine *engine, struct peer *peer, const uint8_t *compound, uint32_t length, double now) {
    struct feed *feed = peer->feed;
    struct asked asked[NACKS_A_COMPOUND];
    uint32_t count = 0;
    int keyframe = 0;
    int status = fanout_feedback(feed->fanout, peer->slot, compound, length, feed->ntp_offset + now, now, asked, &count,
                                 NACKS_A_COMPOUND, &keyframe);
    if (status < 0 && -status < DROPS) engine->drops[-status]++;
    for (uint32_t n = 0; n < count; n++) {
        uint32_t in = atomic_load(&feed->nacks_in);
        if (in - atomic_load(&feed->nacks_out) >= NACKS) {
            engine->drops[DROP_NACK_BUDGET] += asked[n].count;
            continue;
        }
        asked[n].slot = peer->slot, asked[n].generation = peer->generation;
        feed->nacks[in % NACKS] = asked[n];
        atomic_store(&feed->nacks_in, in + 1);
        sem_post(&feed->worker->work);
    }
    struct acknowledgements *told = &fanout_acknowledgements(feed->fanout)[peer->slot];
    if (keyframe && (!told->wished_at || now - told->wished_at >= feed->wish_seconds)) {
        told->wished_at = now;
        wish(feed, (int32_t)peer->slot, WISH_VIEWER);
    }
}

static bool believed(struct peer *peer, uint32_t ssrc) {
    for (uint32_t n = 0; n < peer->ssrc_count; n++)
        if (peer->ssrcs[n] == ssrc) return true;
    return false;
}

static void receive_media(struct engine *engine, struct link *link, uint8_t *packet, uint32_t length, double now) {
    struct peer *peer = link->peer;
    bool rtcp = length > 1 && packet[1] >= 192 && packet[1] <= 223; /* RFC 5761 section 4 */
    if (length < SMALLEST_PACKET) { engine->drops[DROP_RTP_MALFORMED]++; return; }
    if (!rtcp && !peer->intake) { engine->drops[DROP_VIEWER_SENT_MEDIA]++; return; }
    uint32_t ssrc = get32(packet + (rtcp ? 4 : 8));
    bool known = believed(peer, ssrc);
    if (!known && peer->ssrc_count >= peer->ssrc_limit) { engine->drops[DROP_TOO_MANY_SSRCS]++; return; }
    srtp_function unprotect = (srtp_function)(uintptr_t)(rtcp ? engine->srtp.unprotect_rtcp : engine->srtp.unprotect);
    int size = (int)length;
    if (unprotect(peer->inbound, packet, &size)) { engine->drops[DROP_SRTP_AUTH]++; return; }
    if (!known) peer->ssrcs[peer->ssrc_count++] = ssrc;
    link->heard = now;
    if (peer->path != link && now - link->told >= TELL_AGAIN) {
        link->told = now;
        tell(engine, UP_HEARD, peer->tag, link->socket, &link->address, packet, 0, now, false);
    }
    if (rtcp && peer->feed) {
        feedback(engine, peer, packet, (uint32_t)size, now);
    } else if (rtcp && peer->intake) {
        tell(engine, UP_RTCP, peer->tag, link->socket, &link->address, packet, (uint32_t)size, now, false);
    } else if (rtcp) {
        engine->drops[DROP_NOT_CONNECTED]++;
    } else {
        int64_t index = intake_rtp(peer->intake, packet, (uint32_t)size, now);
        if (index < 0 && -index < DROPS) engine->drops[-index]++; /* else it only probes */
        else if (index >= 0) append(engine, peer, (uint64_t)index, now);
    }
}

/* The demultiplexer of RFC 7983. From an unknown address nothing but STUN is looked at; empty datagrams never are. */
static void receive(struct engine *engine, uint32_t socket, const struct sockaddr_in6 *address, uint8_t *data,
                    uint32_t length, double now) {
    if (!length) { engine->drops[DROP_EMPTY]++; return; }
    uint8_t first = data[0];
    if (first > 3 && !(first >= 20 && first <= 63) && !(first >= 128 && first <= 191)) {
        engine->drops[DROP_NOT_RFC7983]++;
        return;
    }
    struct link *link = *find(engine, socket, address);
    if (first > 3 && !link) engine->drops[DROP_UNKNOWN_SOURCE]++;
    else if (link && first >= 128 && link->peer->inbound) receive_media(engine, link, data, length, now);
    else tell(engine, UP_DATAGRAM, link ? link->peer->tag : 0, socket, address, data, length, now,
              first <= 3 && link && link->peer->feed); /* a viewer's consent (RFC 7675) */
}

static void read_socket(struct engine *engine, uint32_t socket, double now) {
    for (int n = 0; n < BATCH; n++) engine->messages[n].msg_hdr.msg_namelen = sizeof engine->addresses[n];
    int got = recvmmsg(engine->sockets[socket], engine->messages, BATCH, MSG_DONTWAIT, NULL);
    for (int n = 0; n < got; n++) {
        struct sockaddr_in6 address;
        struct msghdr *header = &engine->messages[n].msg_hdr;
        if (address_of(&address, header->msg_name, header->msg_namelen))
            receive(engine, socket, &address, engine->buffers[n], engine->messages[n].msg_len, now);
    }
}

void engine_receive(struct engine *engine, uint32_t socket, const uint8_t *address, uint32_t address_length,
                    const uint8_t *data, uint32_t length, double now) {
    struct sockaddr_in6 from;
    if (length > DATAGRAM || !address_of(&from, address, address_length)) return;
    enter(&engine->gate);
    memcpy(engine->scratch, data, length);
    receive(engine, socket, &from, engine->scratch, length, now);
    if (!engine->running) send_off_due(engine, INFINITY);
    leave(&engine->gate);
}

/* **Who watches goes before who joins**: where the system allows it, media is served first when cores are scarce. */
static void go_first(void) { setpriority(PRIO_PROCESS, 0, MEDIA_PRIORITY); } /* on Linux of this thread alone */

static void *run_receiver(void *argument) {
    struct engine *engine = argument;
    go_first();
    struct pollfd polled[MAX_SOCKETS + 1];
    for (uint32_t n = 0; n < engine->socket_count; n++) polled[n] = (struct pollfd){engine->sockets[n], POLLIN, 0};
    polled[engine->socket_count] = (struct pollfd){engine->stop_fds[0], POLLIN, 0};
    double wait = -1;
    while (!atomic_load(&engine->stopping)) {
        struct timespec limit = {0, wait > 0 ? (long)(wait * 1e9) : 0};
        ppoll(polled, engine->socket_count + 1, wait < 0 ? NULL : &limit, NULL);
        let_in(&engine->gate);
        pthread_mutex_lock(&engine->gate.lock);
        double now = monotonic();
        for (uint32_t n = 0; n < engine->socket_count; n++)
            if (polled[n].revents) read_socket(engine, n, now);
        wait = send_off_due(engine, now);
        leave(&engine->gate);
    }
    return NULL;
}

/* -- workers -- */

/* Offer the trains that came. **Pictures that had to wait travel together**: the longer the train, the less a packet costs. */
static void take_trains(struct feed *feed, int kind) {
    uint64_t indices[MAX_OFFER];
    uint32_t out = atomic_load(&feed->trains_out[kind]), count = 0;
    for (; out != atomic_load(&feed->trains_in[kind]); atomic_store(&feed->trains_out[kind], ++out)) {
        const struct train *train = &feed->trains[kind][out % TRAINS];
        if (count + (uint32_t)__builtin_popcountll(train->members) > MAX_OFFER) break;
        for (uint64_t left = train->members; left; left &= left - 1)
            indices[count++] = train->first + (uint64_t)__builtin_ctzll(left);
    }
    if (kind == VIDEO) atomic_fetch_sub(&feed->waiting, count);
    if (count) fanout_offer(feed->fanout, indices, count);
}

/* Whether there is something to offer: pictures wait until the sweep before them is over. */
static bool ready(struct feed *feed, int kind) {
    bool waiting = atomic_load(&feed->trains_in[kind]) != atomic_load(&feed->trains_out[kind]);
    return waiting && (kind == AUDIO || !fanout_counters(feed->fanout)->queued);
}

static void answer(struct feed *feed, double now) {
    uint32_t out = atomic_load(&feed->nacks_out);
    for (int n = 0; n < NACKS_A_TURN && out != atomic_load(&feed->nacks_in); n++) {
        struct asked *asked = &feed->nacks[out % NACKS];
        struct row *row = fanout_row(feed->fanout, asked->slot);
        if (row && row->generation == asked->generation)
            fanout_answer(feed->fanout, asked->slot, asked->ssrc, asked->lost, asked->count, asked->rtt, now);
        atomic_store(&feed->nacks_out, ++out);
    }
}

/* One slice for one lecture; returns when the next is due. */
static double serve(struct feed *feed, double now) {
    for (int kind = 0; kind < KINDS; kind++)
        if (ready(feed, kind)) take_trains(feed, kind);
    answer(feed, now);
    bool busy = fanout_turn(feed->fanout, now);
    if (fanout_bursts(feed->fanout) && now >= feed->burst_at) {
        feed->burst_at = now + BURST_TICK;
        fanout_handle_bursts(feed->fanout, now);
    }
    if (now >= feed->report_at) {
        feed->report_at = now + REPORT_TICK;
        fanout_handle_reports(feed->fanout, now);
    }
    if (busy || ready(feed, VIDEO) || atomic_load(&feed->nacks_out) != atomic_load(&feed->nacks_in)) return now;
    double at = fanout_forwarding(feed->fanout) && fanout_counters(feed->fanout)->viewers ? feed->report_at : INFINITY;
    return fanout_bursts(feed->fanout) ? fmin(at, feed->burst_at) : at;
}

static void sleep_until(struct worker *worker, double at) {
    struct timespec until = {(time_t)at, (long)((at - floor(at)) * 1e9)};
    if (at == INFINITY) sem_wait(&worker->work);
    else sem_clockwait(&worker->work, CLOCK_MONOTONIC, &until);
    while (!sem_trywait(&worker->work)) continue;
}

static void *run_worker(void *argument) {
    struct worker *worker = argument;
    go_first();
    while (!atomic_load(&worker->engine->stopping)) {
        let_in(&worker->gate);
        pthread_mutex_lock(&worker->gate.lock);
        double now = monotonic(), at = INFINITY;
        for (struct feed *feed = worker->feeds; feed; feed = feed->next_of_worker) at = fmin(at, serve(feed, now));
        leave(&worker->gate);
        if (at > now) sleep_until(worker, at);
    }
    return NULL;
}

/* -- life -- */

/* Kernels before 4.18 know no trains: told now, not by the first lecture. */
static bool takes_trains(int socket) {
    int size = 0;
    socklen_t length = sizeof size;
    return !getsockopt(socket, SOL_UDP, UDP_SEGMENT, &size, &length);
}

struct engine *engine_new(const int *sockets, uint32_t count, uint32_t workers, const struct libsrtp *srtp, int wake_fd) {
    struct engine *engine = count && count <= MAX_SOCKETS && workers ? calloc(1, sizeof *engine) : NULL;
    if (!engine) return NULL;
    engine->workers = calloc(workers, sizeof *engine->workers);
    if (!engine->workers || pipe(engine->stop_fds)) {
        free(engine->workers), free(engine);
        return NULL;
    }
    memcpy(engine->sockets, sockets, count * sizeof *sockets);
    engine->socket_count = count, engine->worker_count = workers, engine->srtp = *srtp, engine->wake_fd = wake_fd;
    pthread_mutex_init(&engine->gate.lock, NULL);
    for (int n = 0; n < BATCH; n++) {
        engine->vectors[n] = (struct iovec){engine->buffers[n], DATAGRAM};
        engine->messages[n].msg_hdr =
            (struct msghdr){.msg_name = &engine->addresses[n], .msg_iov = &engine->vectors[n], .msg_iovlen = 1};
    }
    for (uint32_t n = 0; n < workers; n++) {
        struct worker *worker = &engine->workers[n];
        worker->engine = engine;
        worker->outlet = (struct outlet){(srtp_function)(uintptr_t)srtp->protect,
                                         (srtp_function)(uintptr_t)srtp->protect_rtcp, engine->sockets, count,
                                         !takes_trains(sockets[0]), 0};
        pthread_mutex_init(&worker->gate.lock, NULL);
        sem_init(&worker->work, 0, 0);
    }
    return engine;
}

int engine_degraded(struct engine *engine) {
    int found = 0;
    for (uint32_t n = 0; n < engine->worker_count; n++)
        found |= engine->workers[n].outlet.no_gso | engine->workers[n].outlet.no_sendmmsg << 1;
    return found;
}

int engine_start(struct engine *engine) {
    int status = pthread_create(&engine->thread, NULL, run_receiver, engine);
    engine->running = !status;
    for (uint32_t n = 0; n < engine->worker_count && !status; n++) {
        status = pthread_create(&engine->workers[n].thread, NULL, run_worker, &engine->workers[n]);
        engine->workers[n].running = !status;
    }
    return status;
}

void engine_free(struct engine *engine) {
    atomic_store(&engine->stopping, true);
    if (write(engine->stop_fds[1], "", 1) == 1 && engine->running) pthread_join(engine->thread, NULL);
    for (uint32_t n = 0; n < engine->worker_count; n++) {
        struct worker *worker = &engine->workers[n];
        sem_post(&worker->work);
        if (worker->running) pthread_join(worker->thread, NULL);
        sem_destroy(&worker->work);
    }
    while (engine->feeds) engine_release(engine, engine->feeds);
    for (uint32_t n = 0; n < BUCKETS; n++)
        for (struct link *link = engine->links[n], *next; link; link = next) next = link->next, free(link);
    close(engine->stop_fds[0]), close(engine->stop_fds[1]);
    free(engine->workers), free(engine);
}

uint64_t *engine_drops(struct engine *engine) { return engine->drops; }

/* -- peers -- */

struct peer *engine_open(struct engine *engine, uint64_t tag) {
    struct peer *peer = calloc(1, sizeof *peer);
    if (peer) peer->tag = tag, peer->engine = engine;
    return peer;
}

void engine_close(struct peer *peer) {
    struct engine *engine = peer->engine;
    enter(&engine->gate);
    struct peer **publisher = &engine->publishers;
    while (*publisher && *publisher != peer) publisher = &(*publisher)->next_publisher;
    if (*publisher) *publisher = peer->next_publisher;
    for (struct link **bucket = engine->links; bucket < engine->links + BUCKETS; bucket++)
        for (struct link **at = bucket; *at;)
            if ((*at)->peer == peer) forget(at);
            else at = &(*at)->next;
    leave(&engine->gate);
    free(peer);
}

double engine_address(struct engine *engine, struct peer *peer, int what, uint32_t socket, const uint8_t *address,
                      uint32_t length) {
    struct sockaddr_in6 key;
    if (!address_of(&key, address, length)) return -1;
    enter(&engine->gate);
    struct link **at = find(engine, socket, &key);
    if (what == ADDRESS_FORGET && *at) {
        forget(at);
    } else if (what == ADDRESS_CLAIM || what == ADDRESS_PATH) {
        if (*at && (*at)->peer != peer) forget(at);
        at = find(engine, socket, &key);
        if (!*at && (*at = calloc(1, sizeof **at))) (*at)->socket = socket, (*at)->address = key, (*at)->peer = peer;
        if (*at && what == ADDRESS_PATH) peer->path = *at;
    }
    double heard = *at ? (*at)->heard : -1;
    leave(&engine->gate);
    return heard;
}

void engine_connect(struct peer *peer, uint64_t inbound, struct intake *intake, uint32_t ssrcs) {
    struct engine *engine = peer->engine;
    enter(&engine->gate);
    peer->inbound = (void *)(uintptr_t)inbound;
    peer->intake = intake;
    peer->ssrc_limit = ssrcs < MAX_SSRCS ? ssrcs : MAX_SSRCS;
    if (intake) peer->next_publisher = engine->publishers, engine->publishers = peer;
    leave(&engine->gate);
}

/* -- fan-outs -- */

struct feed *engine_adopt(struct engine *engine, const struct fanout_settings *settings, uint32_t worker,
                          double ntp_offset) {
    struct feed *feed = calloc(1, sizeof *feed);
    struct callbacks callbacks = {.context = feed, .wish = wish};
    if (!feed || !(feed->fanout = fanout_new(settings, &callbacks))) return free(feed), NULL;
    feed->worker = &engine->workers[worker % engine->worker_count];
    feed->ntp_offset = ntp_offset, feed->wish_seconds = settings->wish_seconds;
    feed->queue = settings->queue, feed->overrun = NEVER;
    fanout_set_outlet(feed->fanout, &feed->worker->outlet);
    enter(&engine->gate), enter(&feed->worker->gate);
    feed->next = engine->feeds, engine->feeds = feed;
    feed->next_of_worker = feed->worker->feeds, feed->worker->feeds = feed;
    leave(&feed->worker->gate), leave(&engine->gate);
    return feed;
}

void engine_release(struct engine *engine, struct feed *feed) {
    struct worker *worker = feed->worker;
    enter(&engine->gate), enter(&worker->gate);
    struct feed **at = &engine->feeds;
    while (*at != feed) at = &(*at)->next;
    *at = feed->next;
    for (at = &worker->feeds; *at != feed;) at = &(*at)->next_of_worker;
    *at = feed->next_of_worker;
    leave(&worker->gate), leave(&engine->gate);
    fanout_free(feed->fanout), free(feed);
}

struct fanout *feed_fanout(struct feed *feed) { return feed->fanout; }

uint32_t engine_queued(struct feed *feed) { return atomic_load(&feed->waiting) + fanout_counters(feed->fanout)->queued; }

static struct row *row_at(struct feed *feed, uint32_t slot) { return (struct row *)fanout_rows(feed->fanout) + slot; }

static void enter_both(struct feed *feed) { enter(&feed->worker->engine->gate), enter(&feed->worker->gate); }

/* Leave, and let the worker look at what changed. */
static void leave_both(struct feed *feed) {
    leave(&feed->worker->gate), leave(&feed->worker->engine->gate);
    sem_post(&feed->worker->work);
}

static void discard(struct feed *feed) { /* what waits to be offered */
    for (int kind = 0; kind < KINDS; kind++) atomic_store(&feed->trains_out[kind], atomic_load(&feed->trains_in[kind]));
    feed->worker->engine->drops[DROP_NOT_FORWARDING] += atomic_exchange(&feed->waiting, 0);
}

void engine_join(struct feed *feed, uint32_t slot, struct peer *peer, const uint8_t *row) {
    enter_both(feed);
    memcpy(row_at(feed, slot), row, ROW_BYTES);
    fanout_join(feed->fanout, slot);
    acknowledgements_begin(&fanout_acknowledgements(feed->fanout)[slot], row_at(feed, slot));
    peer->feed = feed, peer->slot = slot, peer->generation = row_at(feed, slot)->generation;
    leave_both(feed);
}

void engine_leave(struct feed *feed, uint32_t slot, struct peer *peer, const uint8_t *row) {
    enter_both(feed);
    if (peer) peer->feed = NULL;
    fanout_leave(feed->fanout, slot);
    memcpy(row_at(feed, slot), row, ROW_BYTES);
    leave_both(feed);
}

void engine_move(struct feed *feed, uint32_t slot, const uint8_t *row) {
    enter_both(feed);
    memcpy(row_at(feed, slot)->sockaddr, ((const struct row *)row)->sockaddr, 32); /* with its length and the socket */
    leave_both(feed);
}

void engine_set_forwarding(struct feed *feed, int on) {
    enter_both(feed);
    if (!on) discard(feed);
    fanout_set_forwarding(feed->fanout, on);
    leave_both(feed);
}

void engine_clock(struct feed *feed, double audio_origin, double video_origin) {
    enter_both(feed);
    fanout_clock(feed->fanout, feed->ntp_offset, audio_origin, video_origin);
    leave_both(feed);
}

int engine_show(struct feed *feed, uint32_t slot) {
    enter_both(feed);
    take_trains(feed, VIDEO); /* what is stored already belongs to the burst */
    int shown = fanout_burst(feed->fanout, slot, monotonic());
    leave_both(feed);
    return shown;
}

void engine_feed(struct feed *feed, struct intake *intake, uint64_t from_index) {
    struct engine *engine = feed->worker->engine;
    enter_both(feed);
    feed->intake = NULL;
    discard(feed);
    for (struct peer *peer = engine->publishers; peer && intake; peer = peer->next_publisher)
        if (peer->intake == intake) send_off(engine, peer, AUDIO), send_off(engine, peer, VIDEO);
    if (intake) {
        struct ring *ring = intake_ring(intake);
        fanout_source_changed(feed->fanout, ring);
        for (uint64_t index = from_index, end = ring_next_index(ring); index < end; index++)
            fanout_offer(feed->fanout, &index, 1);
    }
    feed->intake = intake;
    leave_both(feed);
}

int engine_wished(struct feed *feed) { return atomic_exchange(&feed->wish, WISH_NONE); }
