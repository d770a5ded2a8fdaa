/* load.h - what the parts of the load generator share: the plan, the counts, one connection's interface.
 *
 * Words: closed loop = every stream sends its next call when the last one is answered; open loop = calls are
 * due at times fixed beforehand, and latency counts from the time a call was due, not from when it could be
 * sent (no coordinated omission).
 */
#ifndef SESSIOND_BENCH_LOAD_H
#define SESSIOND_BENCH_LOAD_H

#include <netinet/in.h>
#include <uv.h>

#include <sessiond/base/slice.h>

#include "hist.h"

#define LOAD_PIDS_MAX   64
#define LOAD_TOKENS_MAX 4000000u
#define LOAD_TOKEN_MAX  1500u

enum load_method { LOAD_CREATE, LOAD_GET };

struct load_tokens;

struct load_plan {
    enum load_method method;
    struct load_tokens *tokens; /* create: where they are kept, may be NULL; get: what is presented */
    uint64_t sessions;          /* get: how many are created */
    bool tokens_fresh;          /* get: each token once, else all of them in turn */
    struct sockaddr_in address;
    char authority[64];
    unsigned connections;
    unsigned streams;      /* concurrent calls a connection */
    uint64_t calls;        /* counted calls; 0 = by time */
    double seconds;        /* with calls 0 */
    double warmup_seconds; /* before counting starts */
    double rate;           /* calls a second; 0 = closed loop */
    bool poisson;          /* else constant spacing */
    uint64_t first_id;     /* number of the first merchant_session_id */
    char id_prefix[24];
    bool same_id;            /* one merchant_session_id for all: the replay path */
    const char *connector;   /* x-connector-config variant */
    const char *config;      /* whole x-connector-config value */
    int pids[LOAD_PIDS_MAX]; /* the server's processes, for its CPU time */
    size_t pids_count;
    bool json;  /* result as JSON */
    bool quiet; /* no progress */
};

struct load_totals {
    uint64_t sent;
    uint64_t right;      /* answers checked and right */
    uint64_t wrong;      /* any other answer, by its first cause */
    uint64_t lost;       /* calls whose connection broke */
    uint64_t late;       /* open loop: calls that found no free stream when due */
    uint64_t unfinished; /* open loop: due in the counted time, without an answer 10 s behind its end; their
                            age counts as latency */
    struct load_hist latency_ns;
    char first_error[160];
};

struct load_run;

/* ---- message.c: the request's bytes and the check of an answer */

#define LOAD_MESSAGE_MAX 2048
/* A framed request for call number; returns its length. Get: its token must be there. */
size_t load_message_encode(const struct load_plan *plan, uint64_t number,
                           uint8_t ret_bytes[LOAD_MESSAGE_MAX]);
/* NULL when bytes are one gRPC message, and the right one: create, status_code 200 and a token of ours, which
 * is kept if the plan wants it; get, an open session with the merchant_session_id of that number. Else what
 * is wrong. */
const char *load_message_check(const struct load_plan *plan, uint64_t number, struct ses_slice bytes);
const char *load_message_path(const struct load_plan *plan);

/* ---- tokens.c: the session tokens that sessions were created with, by number less plan's first_id */

struct load_tokens *load_tokens_new(size_t count);
void load_tokens_free(struct load_tokens *tokens);
size_t load_tokens_count(const struct load_tokens *tokens);
/* False: no such index, or too long. */
bool load_tokens_put(struct load_tokens *tokens, uint64_t index, struct ses_slice token);
struct ses_slice load_tokens_get(const struct load_tokens *tokens, uint64_t index);

/* ---- client.c: one HTTP/2 connection */

struct load_client;
struct load_client *load_client_open(struct load_run *run, unsigned index);
/* Free streams just now. */
unsigned load_client_room(const struct load_client *client);
/* Sends one call; intended_ns is when it was due. */
void load_client_send(struct load_client *client, uint64_t intended_ns);
/* Walks over the calls without an answer: *due 0 starts; each once. */
bool load_client_next_open(struct load_client *client, uint64_t *due);
/* Writes what was submitted. */
void load_client_flush(struct load_client *client);
void load_client_close(struct load_client *client);

/* ---- run.c: pacing and counting */

struct load_run {
    uv_loop_t *loop;
    const struct load_plan *plan;
    struct load_totals totals;
    struct load_client **clients;
    unsigned connected;
    uint64_t next_number;
    uint64_t counted_from_ns; /* 0 during warm-up */
    uint64_t counted_until_ns;
    double cpu_seconds[LOAD_PIDS_MAX]; /* at the start of counting, then the difference */
    bool stopping;
    void *pace;
};

int load_run(const struct load_plan *plan, struct load_run *ret_run);
/* [client] One call is over: right, or wrong with a cause. */
void load_run_answered(struct load_run *run, struct load_client *client, uint64_t intended_ns,
                       const char *error);
void load_run_connected(struct load_run *run);
void load_run_broken(struct load_run *run, struct load_client *client, unsigned calls_lost, const char *why);

/* ---- report.c */

/* CPU seconds (user + system, all threads) that a process has used, < 0 if unreadable. */
double load_process_cpu(int pid);
void load_report(const struct load_run *run);

#endif
