/* What the connections of a turn need of OpenSSL is done for all of them, one behind the other.
 *
 * A record is 6,000 to 9,000 instructions of OpenSSL's, an engine with what it starts some 300,000, both of far more
 * code than a first-level cache holds: by turns they would displace each other for every connection (bench/README.md
 * has the misses). So short pieces that conn.c has read wait until the poll is over (uv_check), are decrypted, and only
 * then taken by their engines; and what engines have to say is collected, encrypted, and only then written. Long ones
 * go their own way, and are not copied.
 *
 * Between a piece that waits and its turn nothing comes but callbacks of other descriptors, within the same poll.
 */
#include "tls_conn_impl.h"

#define PIECE_MAX 4096u
#define BATCH_MAX 256u /* connections that are written together */

_Static_assert(2 * TLS_TURN_BYTES + BATCH_MAX * 64 + SES_CONN_OUT_MAX + SES_CONN_OUT_MAX / 64 <=
                   OUT_BYTES_MAX,
               "one long answer fits behind all short ones");

/* ---- reading ------------------------------------------------------------------------------------------ */

bool ses_tls_turn_put(struct ses_tls *tls, struct ses_slice bytes)
{
    struct ses_tls_turn *turn = &tls->conn->conns->turn_tls;

    if (bytes.len > PIECE_MAX || turn->len + bytes.len > TLS_TURN_BYTES)
        return false;
    tls->turn_piece = ses_slice(memcpy(turn->sealed + turn->len, bytes.data, bytes.len), bytes.len);
    turn->len += bytes.len;
    ses_list_push_back(&turn->read, &tls->turn);
    return true;
}

/* Plain text has as much room as its records, in which it is shorter. A record that began before this piece may be
 * longer: its rest is taken when the engine takes the first of it. */
static void open_piece(struct ses_tls_turn *turn, struct ses_tls *tls)
{
    uint8_t *plain = turn->plain + (tls->turn_piece.data - turn->sealed);
    size_t len;

    tls->in = tls->turn_piece;
    tls->sink = &tls->pending;
    ses_tls_keep_warm(tls);
    tls->turn_filled = ses_tls_fill(tls, plain, tls->in.len, &len);
    tls->turn_piece = ses_slice(plain, len);
}

static void take_piece(struct ses_tls *tls)
{
    struct ses_conn *conn = tls->conn;
    enum ses_status status;

    if (conn->state != CONN_OPEN || tls->state != TLS_OPEN)
        return;
    status = ses_tls_take(tls, tls->turn_piece, tls->turn_filled);
    ses_tls_count_held(tls);
    ses_conn_took(conn, status);
}

void ses_conns_polled(struct ses_conns *conns)
{
    struct ses_tls_turn *turn = &conns->turn_tls;
    struct ses_list *node;

    while ((node = ses_list_pop(&turn->read)) != NULL) {
        open_piece(turn, SES_CONTAINER(node, struct ses_tls, turn));
        ses_list_push_back(&turn->opened, node);
    }
    turn->len = 0;
    while ((node = ses_list_pop(&turn->opened)) != NULL)
        take_piece(SES_CONTAINER(node, struct ses_tls, turn));
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* A long one is encrypted at once. */
static void collect(struct ses_tls_turn *turn, struct ses_tls *tls, struct ses_slice said)
{
    tls->turn_piece = SES_SLICE_EMPTY;
    tls->turn_at = turn->records.len;
    if (said.len > PIECE_MAX) {
        tls->turn_status = ses_tls_seal(tls, said, &turn->records);
    } else if (said.len > 0) {
        tls->turn_piece = ses_slice(memcpy(turn->plain + turn->len, said.data, said.len), said.len);
        turn->len += said.len;
    }
    tls->turn_len = turn->records.len - tls->turn_at;
}

bool ses_tls_turn_say(struct ses_conn *conn)
{
    struct ses_tls_turn *turn = &conn->conns->turn_tls;
    struct ses_buf *plain = &conn->conns->plain;
    struct ses_tls *tls = conn->tls;

    /* One that waits with what it has read is not flushed at the end of a turn, but between. */
    if (tls->state != TLS_OPEN || conn->state != CONN_OPEN || !ses_list_empty(&tls->turn))
        return false;
    tls->turn_status = ses_tls_say(tls, plain);
    if (tls->turn_status == SES_OK && conn->state != CONN_CLOSED)
        collect(turn, tls, ses_buf_view(plain));
    ses_list_push_back(&turn->said, &tls->turn);
    turn->count++;
    if (turn->count == BATCH_MAX || turn->len + PIECE_MAX > TLS_TURN_BYTES ||
        turn->records.len > TLS_TURN_BYTES)
        ses_conns_say(conn->conns);
    return true;
}

static void seal_piece(struct ses_tls_turn *turn, struct ses_tls *tls)
{
    if (tls->turn_piece.len == 0 || tls->turn_status != SES_OK || tls->conn->state == CONN_CLOSED)
        return;
    tls->turn_at = turn->records.len;
    tls->turn_status = ses_tls_seal(tls, tls->turn_piece, &turn->records);
    tls->turn_len = turn->records.len - tls->turn_at;
}

void ses_conns_say(struct ses_conns *conns)
{
    struct ses_tls_turn *turn = &conns->turn_tls;
    struct ses_list *node;

    for (node = turn->said.next; node != &turn->said; node = node->next)
        seal_piece(turn, SES_CONTAINER(node, struct ses_tls, turn));
    while ((node = ses_list_pop(&turn->said)) != NULL) {
        struct ses_tls *tls = SES_CONTAINER(node, struct ses_tls, turn);

        if (tls->conn->state == CONN_CLOSED)
            continue;
        tls->turn_made = true;
        ses_conn_flush(tls->conn); /* tls may be gone */
        ses_conns_shed(conns);
    }
    turn->count = 0;
    turn->len = 0;
    ses_buf_clear(&turn->records);
}

enum ses_status ses_tls_turn_made(struct ses_tls *tls, struct ses_buf *out)
{
    const struct ses_buf *records = &tls->conn->conns->turn_tls.records;

    tls->turn_made = false;
    SES_TRY(tls->turn_status);
    if (tls->turn_len == 0)
        return SES_OK;
    return ses_buf_append(out,
                          ses_slice_cut(ses_buf_view(records), tls->turn_at, tls->turn_at + tls->turn_len));
}
