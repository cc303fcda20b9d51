/* The text of a streamed chat completion, as OpenAI-compatible servers send it: chunks of about 275 bytes.
 *
 * Each function writes to `to` and returns how much: opening and closing less than 1.5 KB, a token less than 640 bytes.
 * A token's text is made once; only the request's id in it differs.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct {
    char text[640];
    size_t len, id_at;
} token;

static size_t http_chunk(char *to, const char *payload) {
    return sprintf(to, "%zx\r\n%s\r\n", strlen(payload), payload);
}

static size_t event(char *to, uint64_t id, const char *delta, const char *finish) {
    char payload[512];
    snprintf(payload, sizeof payload,
             "data: {\"id\":\"chatcmpl-%032llx\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,"
             "\"model\":\"truth\",\"system_fingerprint\":\"fp_0000000000\",\"choices\":[{\"index\":0,\"delta\":%s,"
             "\"logprobs\":null,\"finish_reason\":%s,\"token_ids\":null}]}\n\n",
             (unsigned long long)id, delta, finish);
    return http_chunk(to, payload);
}

/* The head of the response, and the role: it comes with the first token, and is none itself. */
static size_t opening(char *to, uint64_t id) {
    size_t n = sprintf(to, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                           "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
    return n + event(to + n, id, "{\"role\":\"assistant\"}", "null");
}

/* Finish reason, usage, [DONE] and the end of the response. */
static size_t closing(char *to, uint64_t id, uint32_t prompt, uint32_t completion) {
    char usage[512];
    snprintf(usage, sizeof usage,
             "data: {\"id\":\"chatcmpl-%032llx\",\"object\":\"chat.completion.chunk\",\"created\":1750000000,"
             "\"model\":\"truth\",\"choices\":[],\"usage\":{\"prompt_tokens\":%u,\"completion_tokens\":%u,"
             "\"total_tokens\":%u}}\n\n",
             (unsigned long long)id, prompt, completion, prompt + completion);
    size_t n = event(to, id, "{}", "\"length\"");
    n += http_chunk(to + n, usage);
    n += http_chunk(to + n, "data: [DONE]\n\n");
    return n + sprintf(to + n, "0\r\n\r\n");
}

static size_t one_token(char *to, uint64_t id) {
    static const char hex[] = "0123456789abcdef";
    memcpy(to, token.text, token.len);
    for (int digit = 15; digit >= 0; digit--, id >>= 4) to[token.id_at + digit] = hex[id & 15];
    return token.len;
}

static void make_token(void) {
    token.len = event(token.text, 0, "{\"content\":\" token\"}", "null");
    token.id_at = strstr(token.text, "chatcmpl-") - token.text + strlen("chatcmpl-") + 16;
}
