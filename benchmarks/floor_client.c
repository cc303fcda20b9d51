/* The floor: the least that a client must do, to compare others with.
 *
 *     cc -O2 -Wall -Wextra -Werror -o floor_client floor_client.c
 *     floor_client --port P --streams 2048 --requests 8192 --osl 100
 *
 * One thread and epoll. Connections are opened beforehand, in batches that a listen backlog holds; then a closed loop
 * sends a prompt of about 1.5 KB (256 tokens) per request, stamps each read and counts the token-bearing events in it
 * by looking for `"content":"`. No JSON is parsed, nothing is kept but four numbers per request. Prints one JSON
 * object: TTFT is first token - just before the request was sent, TPOT is (last token - first token) / (tokens - 1).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 1024, CARRY = 10, PROMPT_BYTES = 1500 };

static const char MARK[] = "\"content\":\"", END[] = "\r\n0\r\n\r\n";

struct stream {
    int64_t sent, first, last;
    uint32_t tokens;
    int fd;
    uint8_t carried;
    char carry[CARRY]; /* the end of the last read, where a mark may begin */
};

static struct stream *streams;
static double *ttft_ms, *tpot_ms;
static uint32_t n_streams = 2048, n_requests = 8192, osl = 100, started, ended, failed, in_flight, most_in_flight, n_tpot;
static uint64_t events;
static int ep, port;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void send_request(struct stream *s) {
    char filler[PROMPT_BYTES + 1], body[PROMPT_BYTES + 512], text[PROMPT_BYTES + 1024];
    for (int i = 0; i < PROMPT_BYTES; i++) filler[i] = i % 6 ? 'a' + (i * 7 + started) % 26 : ' ';
    filler[PROMPT_BYTES] = 0;
    int n = snprintf(body, sizeof body,
                     "{\"model\":\"truth\",\"messages\":[{\"role\":\"user\",\"content\":\"%u%s\"}],\"max_tokens\":%u,"
                     "\"stream\":true,\"stream_options\":{\"include_usage\":true},\"ignore_eos\":true}",
                     started, filler, osl);
    n = snprintf(text, sizeof text,
                 "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                 "Content-Length: %d\r\n\r\n%s",
                 port, n, body);
    s->first = s->last = s->tokens = s->carried = 0;
    started++;
    if (++in_flight > most_in_flight) most_in_flight = in_flight;
    s->sent = now_ns();
    if (send(s->fd, text, n, MSG_NOSIGNAL) != n) die("send"); /* an idle connection takes 2 KB at once */
}

static void end_request(struct stream *s, bool ok) {
    in_flight--;
    ended++;
    if (ok && s->tokens) {
        ttft_ms[ended - failed - 1] = (s->first - s->sent) / 1e6;
        if (s->tokens > 1) tpot_ms[n_tpot++] = (s->last - s->first) / 1e6 / (s->tokens - 1);
    } else {
        failed++;
    }
    if (ok && started < n_requests) send_request(s);
}

/* Count the tokens of one read; true at the end of the response. */
static bool take(struct stream *s, char *data, size_t len, int64_t at) {
    char *from = data - s->carried, *end = data + len;
    memcpy(from, s->carry, s->carried);
    uint32_t before = s->tokens;
    for (char *found = from; (found = memmem(found, end - found, MARK, sizeof MARK - 1)); found += sizeof MARK - 1)
        s->tokens++;
    if (s->tokens > before) {
        if (!s->first) s->first = at;
        s->last = at;
        events += s->tokens - before;
    }
    s->carried = end - from < CARRY ? end - from : CARRY;
    memcpy(s->carry, end - s->carried, s->carried);
    size_t tail = sizeof END - 1;
    return (size_t)(end - from) >= tail && !memcmp(end - tail, END, tail);
}

static void read_stream(struct stream *s) {
    static char space[CARRY + 65536];
    ssize_t n = recv(s->fd, space + CARRY, sizeof space - CARRY, 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) {
        close(s->fd);
        end_request(s, false);
    } else if (take(s, space + CARRY, n, now_ns())) {
        end_request(s, true);
    }
}

static void open_batch(uint32_t from, uint32_t to) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    for (uint32_t i = from; i < to; i++) {
        int fd = streams[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (fd < 0) die("socket");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) die("connect");
        struct epoll_event e = {.events = EPOLLOUT, .data.ptr = &streams[i]};
        if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) die("epoll_ctl");
    }
    struct epoll_event ready[BATCH];
    for (uint32_t open = from; open < to;) {
        int n = epoll_wait(ep, ready, BATCH, 10000);
        if (n <= 0) die("connections do not open");
        for (int i = 0; i < n; i++) {
            if (!(ready[i].events & EPOLLOUT) || ready[i].events & (EPOLLERR | EPOLLHUP)) die("connection refused");
            struct epoll_event e = {.events = EPOLLIN, .data.ptr = ready[i].data.ptr};
            epoll_ctl(ep, EPOLL_CTL_MOD, ((struct stream *)ready[i].data.ptr)->fd, &e);
            open++;
        }
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Linear between order statistics, as everywhere in inferbench. `values` are sorted. */
static double percentile(const double *values, uint32_t n, double p) {
    if (!n) return 0;
    double at = p / 100 * (n - 1);
    uint32_t below = at;
    return values[below] + (below + 1 < n ? (at - below) * (values[below + 1] - values[below]) : 0);
}

static long peak_kb(void) {
    char line[256];
    long kb = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status)) sscanf(line, "VmHWM: %ld", &kb);
    if (status) fclose(status);
    return kb;
}

static void report(double seconds) {
    uint32_t n = ended - failed;
    qsort(ttft_ms, n, sizeof *ttft_ms, ascending);
    qsort(tpot_ms, n_tpot, sizeof *tpot_ms, ascending);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    double cpu = use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
    printf("{\"completed\":%u,\"failed\":%u,\"events\":%llu,\"duration_s\":%.3f,\"ttft_p50_ms\":%.4f,"
           "\"ttft_p99_ms\":%.4f,\"tpot_p50_ms\":%.5f,\"tpot_p99_ms\":%.5f,\"most_in_flight\":%u,\"cpu_s\":%.4f,"
           "\"events_per_cpu_s\":%.0f,\"peak_mb\":%.1f}\n",
           n, failed, (unsigned long long)events, seconds, percentile(ttft_ms, n, 50), percentile(ttft_ms, n, 99),
           percentile(tpot_ms, n_tpot, 50), percentile(tpot_ms, n_tpot, 99), most_in_flight, cpu, events / cpu,
           peak_kb() / 1024.0);
}

int main(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        long value = strtol(argv[i + 1], NULL, 10);
        if (!strcmp(argv[i], "--port")) port = value;
        else if (!strcmp(argv[i], "--streams")) n_streams = value;
        else if (!strcmp(argv[i], "--requests")) n_requests = value;
        else if (!strcmp(argv[i], "--osl")) osl = value;
        else port = -1;
    }
    if (port <= 0 || !n_streams || n_requests < n_streams || !osl) {
        fprintf(stderr, "usage: %s --port N [--streams N] [--requests N, at least as many] [--osl N]\n", argv[0]);
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    streams = calloc(n_streams, sizeof *streams);
    ttft_ms = calloc(n_requests, sizeof *ttft_ms);
    tpot_ms = calloc(n_requests, sizeof *tpot_ms);
    if (!streams || !ttft_ms || !tpot_ms) die("calloc");
    ep = epoll_create1(0);
    for (uint32_t i = 0; i < n_streams; i += BATCH) open_batch(i, i + BATCH < n_streams ? i + BATCH : n_streams);
    int64_t began = now_ns();
    for (uint32_t i = 0; i < n_streams; i++) send_request(&streams[i]);
    static struct epoll_event ready[BATCH];
    while (in_flight) {
        int n = epoll_wait(ep, ready, BATCH, -1);
        for (int i = 0; i < n; i++) read_stream(ready[i].data.ptr);
    }
    report((now_ns() - began) / 1e9);
    return failed ? 1 : 0;
}
