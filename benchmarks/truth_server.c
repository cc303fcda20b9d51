/* The ground truth: a chat/completions server that keeps its own record of when it sent what.
 *
 *     cc -O2 -Wall -Wextra -Werror -o truth_server truth_server.c
 *     truth_server --port 0 --ttft-ms 500 --tpot-ms 50 --record record.csv
 *
 * One thread, epoll, a binary heap of deadlines. The first token of a request goes out ttft after the request's last
 * byte arrived, the others tpot apart on absolute deadlines, each as an HTTP chunk and a write of its own (tokens of
 * one stream that are due in the same wake-up share one). Prints `listening on PORT` when ready.
 *
 * GET /record gives a line per request, and /summary says how late the server itself was, so that a run in which the
 * truth was no good shows. On SIGTERM or SIGINT both are written: the record to --record, the summary to stdout. All
 * times are CLOCK_MONOTONIC in ns, which a client on the same machine can compare with its own. The arrival of a
 * request is the kernel's receive time, so that a server which reads late does not hide it.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "chat_stream.h"

enum { MAX_BODY = 64 << 20, TOKENS_PER_WRITE = 16, SENDS_PER_TURN = 512, LATE_BUCKETS = 1000000, LATE_BUCKET_NS = 10000 };

struct request {
    int64_t first_byte, last_byte, read, first_token, last_token;
    uint32_t asked, sent;
    bool cut;
};

struct buffer {
    char *data;
    size_t len, cap;
};

struct conn {
    struct buffer in, out;
    int64_t first_byte, last_byte, due;
    uint32_t request;
    int heap_at; /* -1: no token is due */
    bool open;
};

static struct conn *conns;
static struct request *requests;
static size_t n_requests, cap_requests;
static int *heap, heap_len, max_fd, ep, timer;
static int64_t ttft_ns = 500000000, tpot_ns = 50000000, tick_ns = 1000000;
static uint32_t streams, most_streams, connections, most_connections;
static uint64_t late[LATE_BUCKETS], tokens_sent;
static int64_t late_max;
static volatile sig_atomic_t stopping;

static int64_t clock_ns(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void append(struct buffer *b, const void *data, size_t len) {
    if (b->len + len + 1 > b->cap) {
        b->cap = (b->len + len + 1) * 3 / 2;
        if (!(b->data = realloc(b->data, b->cap))) die("realloc");
    }
    memcpy(b->data + b->len, data, len);
    b->data[b->len += len] = 0;
}

/* ---- the heap: connections by the time at which their next token is due ---- */

static void place(int at, int fd) {
    heap[at] = fd;
    conns[fd].heap_at = at;
}

static void sift(int at, int fd) {
    int64_t due = conns[fd].due;
    for (; at && conns[heap[(at - 1) / 2]].due > due; at = (at - 1) / 2) place(at, heap[(at - 1) / 2]);
    for (int child; (child = 2 * at + 1) < heap_len; at = child) {
        if (child + 1 < heap_len && conns[heap[child + 1]].due < conns[heap[child]].due) child++;
        if (conns[heap[child]].due >= due) break;
        place(at, heap[child]);
    }
    place(at, fd);
}

static void unschedule(int fd) {
    int at = conns[fd].heap_at, last = heap[--heap_len];
    conns[fd].heap_at = -1;
    if (last != fd) sift(at, last);
}

/* ---- what goes out ---- */

static void want(int fd, uint32_t events) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    if (epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e)) die("epoll_ctl");
}

static void send_bytes(int fd, const char *data, size_t len) {
    struct conn *c = &conns[fd];
    if (!c->out.len) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) return; /* the connection is gone: epoll says so next */
        if (n > 0) data += n, len -= n;
        if (!len) return;
        want(fd, EPOLLIN | EPOLLOUT);
    }
    append(&c->out, data, len);
}

static void answer(int fd, const char *status, const char *type, const char *body, size_t len) {
    char head[256];
    int n = sprintf(head, "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n", status, type, len);
    send_bytes(fd, head, n);
    send_bytes(fd, body, len);
}

static void write_record(FILE *to) {
    fputs("first_byte_ns,last_byte_ns,read_ns,first_token_ns,last_token_ns,asked,tokens,cut\n", to);
    for (size_t i = 0; i < n_requests; i++) {
        struct request *r = &requests[i];
        fprintf(to, "%lld,%lld,%lld,%lld,%lld,%u,%u,%d\n", (long long)r->first_byte, (long long)r->last_byte,
                (long long)r->read, (long long)r->first_token, (long long)r->last_token, r->asked, r->sent, r->cut);
    }
}

static void write_summary(FILE *to) {
    uint64_t seen = 0, cut = 0;
    size_t p99 = 0;
    for (; p99 < LATE_BUCKETS - 1 && (seen += late[p99]) < tokens_sent - tokens_sent / 100; p99++) {}
    for (size_t i = 0; i < n_requests; i++) cut += requests[i].cut;
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double cpu = use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    fprintf(to, "{\"requests\":%zu,\"tokens\":%llu,\"cut\":%llu,\"open\":%u,\"most_open\":%u,\"most_connections\":%u,"
                "\"late_p99_ms\":%.2f,\"late_max_ms\":%.3f,\"cpu_s\":%.3f}\n",
            n_requests, (unsigned long long)tokens_sent, (unsigned long long)cut, streams, most_streams,
            most_connections, tokens_sent ? (p99 + 1) * (LATE_BUCKET_NS / 1e6) : 0.0, late_max / 1e6, cpu);
}

static void answer_report(int fd, const char *type, void (*write_it)(FILE *)) {
    char *text;
    size_t len;
    FILE *memory = open_memstream(&text, &len);
    if (!memory) die("open_memstream");
    write_it(memory);
    fclose(memory);
    answer(fd, "200 OK", type, text, len);
    free(text);
}

static void send_due(int fd, int64_t now) {
    struct conn *c = &conns[fd];
    struct request *r = &requests[c->request];
    char text[1536 + TOKENS_PER_WRITE * sizeof token.text + 1536];
    size_t len = r->sent ? 0 : opening(text, c->request);
    int64_t at = now_ns();
    for (int k = 0; k < TOKENS_PER_WRITE && r->sent < r->asked && c->due <= now; k++, r->sent++, c->due += tpot_ns) {
        len += one_token(text + len, c->request);
        int64_t by = at - c->due;
        late[by / LATE_BUCKET_NS < LATE_BUCKETS ? by / LATE_BUCKET_NS : LATE_BUCKETS - 1]++;
        if (by > late_max) late_max = by;
        tokens_sent++;
    }
    if (!r->first_token) r->first_token = at;
    r->last_token = at;
    if (r->sent == r->asked) {
        len += closing(text + len, c->request, c->in.len / 6, r->sent); /* about 6 bytes of a body make a token */
        unschedule(fd);
        streams--;
        c->in.len = 0;
    } else {
        sift(c->heap_at, fd);
    }
    send_bytes(fd, text, len);
}

/* ---- what comes in ---- */

static uint32_t tokens_asked(const char *body) {
    const char *at = strstr(body, "\"max_completion_tokens\"");
    if (!at) at = strstr(body, "\"max_tokens\"");
    long n = at ? strtol(strchr(at + 1, '"') + 1 + strspn(strchr(at + 1, '"') + 1, ": "), NULL, 10) : 16;
    return n < 1 ? 1 : n;
}

static void begin_stream(int fd, const char *body) {
    struct conn *c = &conns[fd];
    if (n_requests == cap_requests) {
        cap_requests = cap_requests ? 2 * cap_requests : 4096;
        if (!(requests = realloc(requests, cap_requests * sizeof *requests))) die("realloc");
    }
    requests[n_requests] = (struct request){
        .first_byte = c->first_byte, .last_byte = c->last_byte, .read = now_ns(), .asked = tokens_asked(body)};
    c->request = n_requests++;
    c->due = c->last_byte + ttft_ns;
    sift(heap_len++, fd);
    if (++streams > most_streams) most_streams = streams;
}

/* Returns the length of the whole request that `in` holds, or 0 while some of it is missing. */
static size_t whole_request(struct buffer *in, char **body) {
    char *end = in->len ? strstr(in->data, "\r\n\r\n") : NULL;
    if (!end) return 0;
    *body = end + 4;
    char *length = strcasestr(in->data, "\r\ncontent-length:");
    size_t want = *body - in->data + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
    return in->len < want ? 0 : want;
}

static bool starts(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

static void handle(int fd) {
    static const char models[] = "{\"object\":\"list\",\"data\":[{\"id\":\"truth\",\"object\":\"model\","
                                 "\"created\":1750000000,\"owned_by\":\"inferbench\",\"max_model_len\":131072}]}";
    struct conn *c = &conns[fd];
    char *body;
    if (c->heap_at >= 0 || !whole_request(&c->in, &body)) return;
    if (starts(c->in.data, "POST /v1/chat/completions")) {
        begin_stream(fd, body);
        return;
    }
    if (starts(c->in.data, "GET /v1/models")) answer(fd, "200 OK", "application/json", models, strlen(models));
    else if (starts(c->in.data, "GET /health")) answer(fd, "200 OK", "application/json", "{}", 2);
    else if (starts(c->in.data, "GET /record")) answer_report(fd, "text/csv", write_record);
    else if (starts(c->in.data, "GET /summary")) answer_report(fd, "application/json", write_summary);
    else answer(fd, "404 Not Found", "application/json", "{}", 2);
    c->in.len = 0; /* no client here sends a request before it has the answer to the last */
}

static void hang_up(int fd) {
    struct conn *c = &conns[fd];
    if (c->heap_at >= 0) {
        requests[c->request].cut = true;
        unschedule(fd);
        streams--;
    }
    free(c->in.data);
    free(c->out.data);
    *c = (struct conn){.heap_at = -1};
    connections--;
    close(fd);
}

/* Kernel receive time of what `message` brought, on the monotonic clock. */
static int64_t arrival(struct msghdr *message) {
    int64_t now = now_ns();
    for (struct cmsghdr *m = CMSG_FIRSTHDR(message); m; m = CMSG_NXTHDR(message, m)) {
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec t;
        memcpy(&t, CMSG_DATA(m), sizeof t);
        int64_t age = clock_ns(CLOCK_REALTIME) - (t.tv_sec * 1000000000LL + t.tv_nsec);
        return age > 0 && age < 60000000000LL ? now - age : now;
    }
    return now;
}

static void receive(int fd) {
    static char data[65536];
    struct conn *c = &conns[fd];
    for (;;) {
        char control[64];
        struct iovec part = {data, sizeof data};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &message, 0);
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0 || c->in.len + n > MAX_BODY) {
            hang_up(fd);
            return;
        }
        c->last_byte = arrival(&message);
        if (!c->in.len) c->first_byte = c->last_byte;
        append(&c->in, data, n);
        if ((size_t)n < sizeof data) break;
    }
    handle(fd);
}

static void flush_out(int fd) {
    struct conn *c = &conns[fd];
    ssize_t n = send(fd, c->out.data, c->out.len, MSG_NOSIGNAL);
    if (n <= 0) return;
    memmove(c->out.data, c->out.data + n, c->out.len -= n);
    if (!c->out.len) want(fd, EPOLLIN);
}

static void accept_all(int listener) {
    for (int fd, one = 1; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        if (fd >= max_fd) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
        conns[fd] = (struct conn){.heap_at = -1, .open = true};
        struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
        if (++connections > most_connections) most_connections = connections;
    }
}

/* ---- the loop ---- */

static void stop(int signal) {
    (void)signal;
    stopping = 1;
}

static int listen_on(int port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, len)) die("bind");
    if (listen(fd, 4096)) die("listen");
    getsockname(fd, (struct sockaddr *)&address, &len);
    printf("listening on %d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Sleep until the next token is due, but at least a tick after the last wake-up: a wake-up per token would cost more
 * than the token. */
static void set_timer(int64_t woke) {
    int64_t at = heap_len ? conns[heap[0]].due : 0;
    if (at && at < woke + tick_ns) at = woke + tick_ns;
    struct itimerspec when = {.it_value = {at / 1000000000, at % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void turn(int listener) {
    static struct epoll_event events[1024];
    bool behind = heap_len && conns[heap[0]].due <= now_ns();
    int n = epoll_wait(ep, events, 1024, behind ? 0 : -1);
    int64_t woke = now_ns();
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        if (fd == listener) accept_all(listener);
        else if (fd != timer) {
            if (events[i].events & EPOLLOUT) flush_out(fd);
            if (events[i].events & ~EPOLLOUT && conns[fd].open) receive(fd);
        }
    }
    int64_t now = now_ns();
    for (int k = 0; k < SENDS_PER_TURN && heap_len && conns[heap[0]].due <= now; k++) send_due(heap[0], now);
    set_timer(woke);
}

static double number(const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (*end || end == text || value < 0) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return value;
}

int main(int argc, char **argv) {
    int port = 0;
    const char *record = NULL;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (!strcmp(argv[i], "--port")) port = number(value);
        else if (!strcmp(argv[i], "--ttft-ms")) ttft_ns = number(value) * 1e6;
        else if (!strcmp(argv[i], "--tpot-ms")) tpot_ns = number(value) * 1e6;
        else if (!strcmp(argv[i], "--tick-us")) tick_ns = number(value) * 1e3;
        else if (!strcmp(argv[i], "--record")) record = value;
        else {
            fprintf(stderr, "usage: %s [--port N] [--ttft-ms T] [--tpot-ms T] [--tick-us T] [--record CSV]\n", argv[0]);
            return 2;
        }
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    max_fd = files.rlim_max > 1 << 20 ? 1 << 20 : files.rlim_max;
    prctl(PR_SET_TIMERSLACK, 1UL);
    struct sigaction on_stop = {.sa_handler = stop};
    sigaction(SIGTERM, &on_stop, NULL);
    sigaction(SIGINT, &on_stop, NULL);
    conns = calloc(max_fd, sizeof *conns);
    heap = calloc(max_fd, sizeof *heap);
    if (!conns || !heap) die("calloc");
    make_token();
    ep = epoll_create1(EPOLL_CLOEXEC);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int listener = listen_on(port);
    /* The timer is edge-triggered: setting it anew for the next token also clears it. */
    struct epoll_event on_timer = {.events = EPOLLIN | EPOLLET, .data.fd = timer};
    struct epoll_event on_listener = {.events = EPOLLIN, .data.fd = listener};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, timer, &on_timer) || epoll_ctl(ep, EPOLL_CTL_ADD, listener, &on_listener))
        die("epoll_ctl");
    while (!stopping) turn(listener);
    FILE *file = record ? fopen(record, "w") : NULL;
    if (record && !file) die(record);
    if (file) {
        write_record(file);
        fclose(file);
    }
    write_summary(stdout);
    return 0;
}
