/* budget.h - the hot paths of a call, one by one, for callgrind: each is prepared, then runs with counting
 * on.
 *
 *   sessiond-budget PATH DIRECTORY     runs a path once; DIRECTORY is empty and belongs to it
 *   sessiond-budget --list             names and repetitions
 *
 * Inputs are fixed. Random bytes (keys, nonces) and the clock do change, but steer nothing. */
#ifndef SESSIOND_BENCH_BUDGET_H
#define SESSIOND_BENCH_BUDGET_H

#include <valgrind/callgrind.h>

#include <sessiond/base/status.h>

#define BUDGET_OK(expr) SES_REQUIRE((expr) == SES_OK)

/* Counting is switched for all threads at once: the committer works on its own. */
#define BUDGET_COUNT(statement)                                                                              \
    do {                                                                                                     \
        CALLGRIND_START_INSTRUMENTATION;                                                                     \
        statement;                                                                                           \
        CALLGRIND_STOP_INSTRUMENTATION;                                                                      \
    } while (0)

struct budget_path {
    const char *name;
    unsigned operations; /* that a run counts */
    void (*run)(const char *dir, unsigned operations);
};

/* paths_method.c */
void budget_decode(const char *dir, unsigned operations);
void budget_validate(const char *dir, unsigned operations);
void budget_encode(const char *dir, unsigned operations);
void budget_record(const char *dir, unsigned operations);
/* paths_store.c */
void budget_claim(const char *dir, unsigned operations);
void budget_seal(const char *dir, unsigned operations);
void budget_commit(const char *dir, unsigned operations);
void budget_get(const char *dir, unsigned operations);
void budget_scrub(const char *dir, unsigned operations);
/* paths_pg.c */
void budget_pg_create(const char *dir, unsigned operations);
/* paths_token.c */
void budget_sign(const char *dir, unsigned operations);
void budget_verify(const char *dir, unsigned operations);
void budget_verify_plain(const char *dir, unsigned operations);
void budget_encrypt(const char *dir, unsigned operations);
void budget_decrypt(const char *dir, unsigned operations);
/* paths_caller.c */
void budget_caller(const char *dir, unsigned operations);
void budget_certificate(const char *dir, unsigned operations);
/* paths_conn.c */
void budget_conn(const char *dir, unsigned operations);
void budget_conn_tls(const char *dir, unsigned operations);
/* paths_log.c */
void budget_log_line(const char *dir, unsigned operations);
/* paths_http2.c */
void budget_http2_turn(const char *dir, unsigned operations);
void budget_json_turn(const char *dir, unsigned operations);
/* paths_gateway.c */
void budget_gateway(const char *dir, unsigned operations);
void budget_paid_record(const char *dir, unsigned operations);
/* paths_upstream.c */
void budget_upstream_turn(const char *dir, unsigned operations);

#endif
