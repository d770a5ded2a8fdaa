/* fingerprints.h - which keys the machines of a shard have in common: what shard.fingerprints holds, and whether the keys
 * of one more machine fit.
 *
 * A key of a shard is in one of three states:
 *
 *   known   some machine has it and nobody has made anything with it
 *   used    something was made with it: each machine must be able to open it
 *   over    nothing that it made is of use any more: revoked, or retired by the operator
 *
 * A machine brings its own keys (base/key_print.h). For each key, by kind and id:
 *
 *   machine has     shard has    the same key         another key under that id
 *   it next         no entry     becomes known        -
 *                   known        -                    the machine's takes its place, and the operator is told
 *                   used         -                    REFUSED
 *                   over         -                    -
 *   it active, or   no entry     becomes used         -
 *   rests           known        becomes used         becomes used, as the machine has it
 *                   used         -                    REFUSED
 *                   over         active: REFUSED      REFUSED
 *   revoked         any but none becomes over         (it has no fingerprint to differ)
 *   not             known, over  -
 *                   used         REFUSED
 *
 * Why no right machine is ever refused: a key that is distributed first (wave one: state next) binds nobody, whichever
 * machines have it already; it binds from the first start or reload on that makes something with it (wave two), when the
 * operator has given it to all. A key that rests stays used, so that what it made opens everywhere, until it is over:
 * by revoking it on one machine, or by `sessiondctl keys retire` with the shards' configuration, before its file goes.
 * A key that was given up before anything was made with it is known for ever and binds nobody.
 * Active and over is refused because what it makes is refused by the others.
 *
 * natural.key is always in use: there is no other one.
 *
 * The bytes: version 1, then for each key kind, state, length of the id, id, fingerprint of 16 bytes. Kinds of a later
 * version are kept as they are.
 */
#ifndef SESSIOND_STORE_FINGERPRINTS_H
#define SESSIOND_STORE_FINGERPRINTS_H

#include <sessiond/base/buf.h>
#include <sessiond/base/fault.h>
#include <sessiond/base/key_print.h>

#define PG_PRINTS_MAX       1024
#define PG_PRINTS_BYTES_MAX (2 + PG_PRINTS_MAX * (3 + SES_KEY_PRINT_ID_SIZE + SES_KEY_PRINT_BYTES))

/* Stored: numbers stay. */
enum pg_print_state { PG_PRINT_KNOWN = 0, PG_PRINT_USED = 1, PG_PRINT_OVER = 2 };

struct pg_print {
    uint8_t kind; /* enum ses_key_print_kind, or one of a later version */
    uint8_t state;
    char id[SES_KEY_PRINT_ID_SIZE];
    uint8_t print[SES_KEY_PRINT_BYTES];
};

struct pg_prints {
    size_t count;
    struct pg_print print[PG_PRINTS_MAX];
};

/* [any] Nothing was ever written: an empty slice. SES_DATA_LOSS: it does not parse. SES_UNIMPLEMENTED: of a later version. */
SES_MUST_CHECK enum ses_status ses_pg_prints_decode(struct ses_slice bytes, struct pg_prints *ret_prints);
SES_MUST_CHECK enum ses_status ses_pg_prints_encode(const struct pg_prints *prints, struct ses_buf *bytes);

/* [any] Judges a machine's keys by the table above and adds what is new. SES_FAILED_PRECONDITION: refused; the fault names
 * the file below keys/ and what to do, prints is not changed. SES_FULL: more than PG_PRINTS_MAX. ret_changed: prints is
 * to be written. ret_told is a sentence for the log, or "". */
SES_MUST_CHECK enum ses_status ses_pg_prints_join(struct pg_prints *prints, const struct ses_key_print *mine,
                                                  size_t count, bool *ret_changed, struct ses_fault *ret_told,
                                                  struct ses_fault *ret_fault);

/* [any] What another shard of the same machines knows, added: a state goes forward only, and a key that is used takes the place of one
 * that is not. SES_FAILED_PRECONDITION: of one name both use another key, the fault names it, prints is not changed. SES_FULL. */
SES_MUST_CHECK enum ses_status ses_pg_prints_merge(struct pg_prints *prints, const struct pg_prints *more,
                                                   bool *ret_changed, struct ses_fault *ret_fault);

/* [any] Nobody needs the key any more. SES_NOT_FOUND: no machine ever brought it. */
SES_MUST_CHECK enum ses_status ses_pg_prints_end(struct pg_prints *prints, enum ses_key_print_kind kind,
                                                 const char *id);

#endif
