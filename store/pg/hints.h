/* hints.h - what this process tells the others of what it put, so that those who watch need not ask for each key all the
 * time. A hint is a NOTIFY in a transaction of its own, behind the acknowledgement: inside of the write it would hold a
 * lock of the whole database until the standby has answered. It waits for no standby itself, is no acknowledgement of
 * anything, and may be lost: whoever watches looks once a second all the same.
 *
 * The payload is the sender's name and the first bytes of up to PG_HINT_KEYS_MAX keys, 16 hexadecimal digits each: 4,112
 * bytes of the 7,999 that PostgreSQL takes. Keys are hashes, so that their first bytes tell nothing to who may listen.
 */
#ifndef SESSIOND_STORE_HINTS_H
#define SESSIOND_STORE_HINTS_H

#include "rows.h"

#define PG_HINT_CHANNEL     "sessiond_put"
#define PG_HINT_KEYS_MAX    256
#define PG_HINT_WORD_BYTES  8
#define PG_HINT_TEXT_SIZE   (2 * PG_HINT_WORD_BYTES * (1 + PG_HINT_KEYS_MAX) + 1)
#define PG_HINT_WAITING_MAX 1024 /* above it they are lost */

struct pg_hint_word {
    uint8_t bytes[PG_HINT_WORD_BYTES];
};

struct pg_hint {
    struct pg_hint_word sender;
    size_t count;
    struct pg_hint_word keys[PG_HINT_KEYS_MAX];
};

/* False: it is none of ours, or of a version that writes them in another way. */
SES_MUST_CHECK bool ses_pg_hint_read(const char *payload, struct pg_hint *ret_hint);

struct pg_hints {
    struct pg_rows *rows;
    struct pg_hint_word sender; /* of this process, by chance */
    size_t count;
    struct pg_hint_word waiting[PG_HINT_WAITING_MAX];
    uint64_t since_ns; /* of the first that waits */
    size_t sending;    /* keys on their way; 0: nothing is */
    struct pg_request request;
    const char *value;
    int length;
    char text[PG_HINT_TEXT_SIZE];
};

extern const struct pg_statement ses_pg_hint_sql;

void ses_pg_hints_init(struct pg_hints *hints, struct pg_rows *rows);
/* A write of that key was acknowledged. */
void ses_pg_hints_note(struct pg_hints *hints, const struct ses_store_key *key);
/* [before other reads are sent, and after] Sends what waits: before the others only what waits too long. */
void ses_pg_hints_pump(struct pg_hints *hints, uint64_t now_ns, bool before);

#endif
