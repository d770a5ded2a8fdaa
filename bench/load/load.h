/* load.h - what the parts of the load generator share: the plan, the counts, the run.
 *
 * Words: closed loop = every stream sends its next call when the last one is answered; open loop = calls are
 * due at times fixed beforehand, and latency counts from the time a call was due, not from when it could be
 * sent (no coordinated omission); journey = a payment's calls one after the other (journey.h).
 */
#ifndef SESSIOND_BENCH_LOAD_H
#define SESSIOND_BENCH_LOAD_H

#include <netinet/in.h>
#include <uv.h>

#include <sessiond/base/slice.h>

#include "hist.h"
#include "journey.h"

#define LOAD_PIDS_MAX   64
#define LOAD_TOKENS_MAX 4000000u

struct load_tokens;
struct load_client;
struct load_pace;
struct load_tls_context;

struct load_plan {
    struct load_mix mix;
    bool by_mix;                /* --mix was given: results by step and by journey */
    bool uses_stored;           /* --method get, change */
    const char *tokens_in;      /* get, change: file of the tokens; NULL: sessions are created first */
    const char *tokens_out;     /* create: file where they are kept */
    struct load_tokens *tokens; /* create: where they are kept, may be NULL; else: what is presented */
    uint64_t sessions;          /* get: how many are created */
    bool tokens_fresh;          /* each token once, else all of them in turn */
    struct sockaddr_in address;
    char authority[64];
    unsigned connections;
    unsigned streams;      /* concurrent calls a connection */
    uint64_t calls;        /* counted calls; 0 = by time */
    uint64_t journeys;     /* of a mix: that many are begun and counted; 0 = by time */
    double seconds;        /* with calls and journeys 0 */
    double warmup_seconds; /* before counting starts */
    double rate;           /* journeys begun a second; 0 = closed loop */
    bool poisson;          /* else constant spacing */
    uint64_t
        give_up_ns;    /* open loop: a call that found no free stream for so long is not made; 0: it waits */
    uint64_t think_ns; /* between an answer and the journey's next call */
    uint64_t first_id; /* number of the first merchant_session_id */
    char id_prefix[24];
    bool any_token;          /* not only sessiond's tokens are right */
    bool same_id;            /* one merchant_session_id for all: the replay path */
    const char *connector;   /* x-connector-config variant */
    const char *config;      /* whole x-connector-config value */
    const char *merchant;    /* x-merchant-id; NULL: none */
    const char *return_url;  /* where a journey lets the browser be sent back to */
    bool tls;                /* HTTP/2 over TLS, by ALPN */
    const char *tls_ca;      /* file of certificates that are trusted; NULL: the system's */
    const char *tls_name;    /* the server's name for SNI and verification; NULL: the address */
    bool tls_insecure;       /* no verification */
    int pids[LOAD_PIDS_MAX]; /* the server's processes, for its CPU time */
    size_t pids_count;
    bool json;  /* result as JSON */
    bool quiet; /* no progress */
};

struct load_step_totals {
    uint64_t right;
    uint64_t wrong;
    struct load_hist latency_ns;
};

struct load_totals {
    uint64_t sent;
    uint64_t right; /* answers checked and right */
    uint64_t wrong; /* any other answer, by its first cause */
    uint64_t lost;  /* calls whose connection broke */
    uint64_t moved; /* connections that the server left (GOAWAY), each replaced by a new one */
    uint64_t late;  /* calls that found no free stream when due, or open loop: too many journeys under way */
    uint64_t given_up;   /* open loop: calls that were never made, see give_up_ns */
    uint64_t unfinished; /* open loop: due in the counted time, without an answer 10 s behind its end; their
                            age counts as latency */
    struct load_hist latency_ns;
    struct load_step_totals step[LOAD_STEP_COUNT];
    uint64_t journeys_done[LOAD_SCRIPTS_MAX]; /* whole, every answer right */
    uint64_t journeys_ended;                  /* whole or broken off by a wrong answer */
    char first_error[256];
};

/* ---- tokens.c: the session tokens that sessions were created with, by number less plan's first_id */

struct load_tokens *load_tokens_new(size_t count);
void load_tokens_free(struct load_tokens *tokens);
size_t load_tokens_count(const struct load_tokens *tokens);
/* False: no such index, or too long. */
bool load_tokens_put(struct load_tokens *tokens, uint64_t index, struct ses_slice token);
struct ses_slice load_tokens_get(const struct load_tokens *tokens, uint64_t index);
/* A line each, up to the first that is not there. False: told on standard error. */
bool load_tokens_write(const struct load_tokens *tokens, const char *path);
/* NULL: told on standard error. */
struct load_tokens *load_tokens_read(const char *path);

/* ---- run.c: counting, and what is called next */

struct load_run {
    uv_loop_t loop;
    const struct load_plan *plan;
    struct load_totals totals;
    struct load_client **clients;
    struct load_journeys *journeys;
    struct load_pace *pace;
    struct load_tls_context *tls;
    unsigned connected;
    unsigned turn; /* connection that is asked first */
    uint64_t journeys_begun;
    uint64_t counted_from_ns; /* 0 during warm-up */
    uint64_t counted_until_ns;
    double cpu_seconds[LOAD_PIDS_MAX]; /* at the start of counting, then the difference */
    const char *tls_version;           /* of the last handshake; NULL without TLS */
    bool stopping;
};

/* 0 when there were answers, and all of them right. */
int load_run(const struct load_plan *plan, struct load_run *ret_run);
/* [client] One call is over: right, or wrong with a cause. The journey goes on elsewhere. */
void load_run_answered(struct load_run *run, struct load_client *client, struct load_journey *journey,
                       uint64_t due_ns, const char *error);
/* [client] A connection is ready for calls; not told of those that replace it. */
void load_run_connected(struct load_run *run);
/* [client] A connection is gone without GOAWAY; so is the run. */
void load_run_broken(struct load_run *run, unsigned calls_lost, const char *why);
/* [pace] A connection with a free stream, another one than before where there is one; NULL: none. */
struct load_client *load_run_free_client(struct load_run *run, const struct load_client *before);
/* [pace] Begins a journey with a call that was due then; false: too many are under way. */
bool load_run_begin(struct load_run *run, struct load_client *client, uint64_t due_ns);
/* [pace] The counted time of an open loop is over: its end, and the server's CPU time until then. */
void load_run_close_counting(struct load_run *run, uint64_t until_ns);
/* [pace] All is answered, or nobody waits any longer. */
void load_run_stop(struct load_run *run);
/* Whether a call that was due then is counted. */
bool load_run_counts(const struct load_run *run, double due_ns);

/* ---- report.c */

/* CPU seconds (user + system, all threads) that a process has used, < 0 if unreadable. */
double load_process_cpu(int pid);
void load_report(const struct load_run *run);

#endif
