/* rows_impl.h - what the parts of rows.h know of each other. */
#ifndef SESSIOND_STORE_ROWS_IMPL_H
#define SESSIOND_STORE_ROWS_IMPL_H

#include "reroute.h"
#include "rows.h"

/* ---- rows.c: ends ---- */

/* Ends the row's operation, if it has one. The row stays. */
void ses_pg_row_tell(struct pg_rows *rows, struct pg_row *row, enum ses_status status);
/* The row's end, of a row that is in no list: its operation, then what has to be given back, then the row. */
void ses_pg_row_end(struct pg_rows *rows, struct pg_row *row, enum ses_status status);
/* Without an end: of a release, which nobody waits for. */
void ses_pg_row_drop(struct pg_rows *rows, struct pg_row *row);
/* Waits in that queue, or goes astray. front: before those that came earlier. */
void ses_pg_row_wait(struct pg_rows *rows, struct pg_queue *queue, struct pg_row *row, bool front);
/* To be written, again perhaps: by the usual statement, or if it is unknown by the one that settles. */
static inline struct pg_queue *ses_pg_queue_of(struct pg_rows *rows, const struct pg_row *row)
{
    return row->unknown ? &rows->settle[row->kind] : &rows->queue[row->kind];
}
/* Waits (in `later`), then is written again: settled if it is unknown. */
void ses_pg_row_later(struct pg_rows *rows, struct pg_row *row, uint64_t ms);
/* An operation is pending from now on. */
void ses_pg_op_begin(struct pg_rows *rows, struct ses_store_op *op);
void ses_pg_op_end(struct pg_rows *rows, struct ses_store_op *op, enum ses_status status);
/* It goes on in another shard's rows. */
void ses_pg_op_move(struct pg_rows *from, struct pg_rows *to, struct ses_store_op *op);

/* ---- sending ---- */

/* Whether it is worth making a request: false while all connections of that use are known to be taken. */
bool ses_pg_may_send(const struct pg_rows *rows, enum pg_use use);
/* False: the link has no connection; it is asked again when it said that it has. */
SES_MUST_CHECK bool ses_pg_send(struct pg_rows *rows, enum pg_use use, struct pg_request *request);
/* In each done. */
void ses_pg_sent_ended(struct pg_rows *rows, enum pg_use use);

/* ---- tell.c: counters, and lines for whoever operates the database; each is fine without ---- */

void ses_pg_count_end(const struct pg_rows *rows, const struct pg_row *row, enum ses_status status);
/* A statement ended. */
void ses_pg_count_write(const struct pg_rows *rows, const struct pg_request *request,
                        const struct pg_answer *answer, size_t rows_count, uint64_t queued_ns);
void ses_pg_count_read(const struct pg_rows *rows, const struct pg_request *request,
                       const struct pg_answer *answer, size_t keys_count);
void ses_pg_count(const struct pg_rows *rows, enum ses_shard_counter counter, uint64_t n);
/* Of rows->full, when that has changed. */
void ses_pg_tell_full(struct pg_rows *rows);
/* A record does not open. */
void ses_pg_tell_unreadable(const struct pg_rows *rows, struct ses_slice sealed);

/* ---- map_ask.c ---- */

/* An answer of the shard told its epoch (-1: none). True: it counts for what was sent with `sent`. */
SES_MUST_CHECK bool ses_pg_rows_hear(struct pg_rows *rows, int64_t told, int64_t sent);
/* Asks for the map where it is not known, stale or wanted. */
void ses_pg_map_pump(struct pg_rows *rows, uint64_t now_ns);

/* ---- writes.c, judge.c, gets.c: sends what waits ---- */

void ses_pg_writes_pump(struct pg_rows *rows, uint64_t now_ns);
void ses_pg_settle_pump(struct pg_rows *rows);
void ses_pg_judge_pump(struct pg_rows *rows);
void ses_pg_gets_pump(struct pg_rows *rows);
/* Ends those that have waited too long for reads to open. */
void ses_pg_gets_refuse(struct pg_rows *rows, uint64_t now_ns);
/* Those of `list`, as ses_pg_rows_reroute. */
void ses_pg_gets_reroute(struct pg_rows *rows, struct ses_list *list, pg_way_fn *way, void *arg,
                         uint64_t now_ns);
/* Those that wait and whose key is not here go astray. */
void ses_pg_gets_sift(struct pg_rows *rows);
/* Ends a get: one that is on its way lives on for its answer. */
void ses_pg_get_end(struct pg_rows *rows, struct ses_store_op *op, enum ses_status status);
/* Fills an operation whose get has ended, frees the get; what done is told. */
enum ses_status ses_pg_get_tell(struct pg_rows *rows, struct ses_store_op *op);

#endif
