/* The row of the shard that tells which keys its machines have in common: read, judged, written where nobody else has
 * written meanwhile. */
#include <sessiond/store/store_pg_admin.h>

#include <poll.h>
#include <stdlib.h>

#include <sessiond/base/encode.h>

#include "admin.h"
#include "fingerprints.h"
#include "record.h"
#include "schema.h"

#define TRIES_MAX 40 /* while others write theirs */
#define PAUSE_MS  50
#define SCAN_MS   (30 * 60 * UINT64_C(1000)) /* of every row, if none is sealed with the key */

struct keys {
    struct pg_admin admin;
    struct pg_prints prints; /* what was read, and then what is to be written */
    struct ses_buf read;     /* its bytes */
    bool written;            /* there was something; NULL is not an empty value */
};

static enum ses_status open_keys(const struct ses_pg_place *place, struct ses_fault *fault,
                                 struct keys **ret_keys)
{
    struct keys *keys = calloc(1, sizeof(*keys));
    enum ses_status status = keys == NULL ? ses_fault(fault, SES_NO_MEMORY, "out of memory")
                                          : ses_pg_admin_open(&keys->admin, place, fault);

    if (status != SES_OK) {
        free(keys);
        return status;
    }
    ses_buf_init(&keys->read, PG_PRINTS_BYTES_MAX);
    *ret_keys = keys;
    return SES_OK;
}

static void close_keys(struct keys *keys)
{
    ses_pg_admin_close(&keys->admin);
    ses_buf_done(&keys->read);
    free(keys);
}

static enum ses_status decode(struct keys *keys, struct ses_slice hex, struct ses_fault *fault)
{
    size_t len = 0;
    enum ses_status status;

    ses_buf_clear(&keys->read);
    if (ses_buf_reserve(&keys->read, hex.len / 2 + 1) != SES_OK) /* nothing at all has an address, too */
        return ses_fault(fault, SES_DATA_LOSS,
                         "shard.fingerprints is larger than anything that was ever written there");
    status = ses_hex_decode(hex, keys->read.data, keys->read.room, &len);
    keys->read.len = len;
    if (status == SES_OK)
        status = ses_pg_prints_decode(ses_buf_view(&keys->read), &keys->prints);
    if (status == SES_UNIMPLEMENTED)
        return ses_fault(
            fault, status,
            "shard.fingerprints was written by a later version of sessiond: use that one here too");
    return status == SES_OK
               ? SES_OK
               : ses_fault(
                     fault, SES_DATA_LOSS,
                     "shard.fingerprints does not parse: somebody has written into it. UPDATE shard SET "
                     "fingerprints = NULL, then start the machine whose keys are right first");
}

static enum ses_status read_prints(struct keys *keys, struct ses_fault *fault)
{
    PGresult *result = NULL;
    enum ses_status status = ses_pg_admin_ask(
        &keys->admin,
        "SELECT format, fingerprints IS NOT NULL AS written, encode(fingerprints, 'hex') AS prints FROM shard",
        NULL, 0, fault, &result);

    if (status == SES_OK && PQntuples(result) != 1)
        status = ses_fault(fault, SES_IO,
                           "the table shard has %d rows instead of one: run sessiondctl store schema",
                           PQntuples(result));
    if (status == SES_OK && ses_pg_admin_number(result, "format") > PG_SCHEMA_FORMAT)
        status =
            ses_fault(fault, SES_UNIMPLEMENTED,
                      "the tables are of format %s, and this sessiond reads and writes %d: use the version "
                      "that made them, or a later one",
                      ses_pg_admin_text(result, "format"), PG_SCHEMA_FORMAT);
    if (status == SES_OK) {
        keys->written = ses_pg_admin_is(result, "written");
        status = decode(keys, ses_slice_str(ses_pg_admin_text(result, "prints")), fault);
    }
    PQclear(result);
    return status;
}

/* SES_CONFLICT: somebody was faster, or is at it. It may wait for the standby, and outlives its client then: whoever would
 * queue up behind it would leave one more such connection with each try. */
static enum ses_status write_prints(struct keys *keys, struct ses_fault *fault)
{
    static const char text[] =
        "WITH l AS MATERIALIZED (SELECT FROM shard WHERE fingerprints IS NOT DISTINCT FROM $2 FOR UPDATE SKIP LOCKED)"
        " UPDATE shard SET fingerprints = $1 FROM l";
    struct ses_buf bytes;
    PGresult *result = NULL;
    enum ses_status status;

    ses_buf_init(&bytes, PG_PRINTS_BYTES_MAX);
    status = ses_pg_prints_encode(&keys->prints, &bytes);
    if (status == SES_OK) {
        const struct pg_admin_value values[] = {{bytes.data, bytes.len},
                                                {keys->written ? keys->read.data : NULL, keys->read.len}};

        status = ses_pg_admin_ask(&keys->admin, text, values, 2, fault, &result);
    }
    if (status == SES_OK && strcmp(PQcmdTuples(result), "1") != 0)
        status = SES_CONFLICT;
    PQclear(result);
    ses_buf_done(&bytes);
    return status;
}

/* What is told after all tries. */
static enum ses_status conclude(enum ses_status status, struct ses_fault *fault)
{
    if (status != SES_CONFLICT)
        return status;
    return ses_fault(
        fault, SES_UNAVAILABLE,
        "another machine is writing down its keys, and is not done: does the primary's standby answer?");
}

/* ---- joining ------------------------------------------------------------------------------------------ */

static enum ses_status join_once(struct keys *keys, const struct ses_key_print *mine, size_t count,
                                 struct ses_fault *told, struct ses_fault *fault)
{
    bool changed = false;

    SES_TRY(read_prints(keys, fault));
    SES_TRY(ses_pg_prints_join(&keys->prints, mine, count, &changed, told, fault));
    return changed ? write_prints(keys, fault) : SES_OK;
}

enum ses_status ses_pg_keys_join(const struct ses_pg_place *place, const struct ses_key_print *mine,
                                 size_t count, struct ses_fault *ret_told, struct ses_fault *ret_fault)
{
    enum ses_status status = SES_CONFLICT;
    struct keys *keys = NULL;

    SES_TRY(open_keys(place, ret_fault, &keys));
    for (int i = 0; i < TRIES_MAX && status == SES_CONFLICT; i++) {
        if (i > 0)
            (void)poll(NULL, 0, PAUSE_MS);
        status = join_once(keys, mine, count, ret_told, ret_fault);
    }
    close_keys(keys);
    return conclude(status, ret_fault);
}

enum ses_status ses_pg_keys_compare(const struct ses_pg_place *place, const struct ses_key_print *mine,
                                    size_t count, struct ses_pg_keys_view *ret_view,
                                    struct ses_fault *ret_fault)
{
    struct keys *keys = NULL;
    bool changed;
    enum ses_status status;

    SES_TRY(open_keys(place, ret_fault, &keys));
    status = read_prints(keys, ret_fault);
    ret_view->known = keys->prints.count;
    if (status == SES_OK)
        status = ses_pg_prints_join(&keys->prints, mine, count, &changed, &ret_view->told, ret_fault);
    close_keys(keys);
    return status;
}

/* ---- bringing ----------------------------------------------------------------------------------------- */

static enum ses_status bring_once(struct keys *from, struct keys *to, struct ses_fault *fault)
{
    bool changed = false;

    SES_TRY(read_prints(from, fault));
    SES_TRY(read_prints(to, fault));
    SES_TRY(ses_pg_prints_merge(&to->prints, &from->prints, &changed, fault));
    return changed ? write_prints(to, fault) : SES_OK;
}

enum ses_status ses_pg_keys_bring(const struct ses_pg_place *from, const struct ses_pg_place *to,
                                  struct ses_fault *ret_fault)
{
    enum ses_status status = SES_CONFLICT;
    struct keys *source = NULL;
    struct keys *target = NULL;

    SES_TRY(open_keys(from, ret_fault, &source));
    if (open_keys(to, ret_fault, &target) != SES_OK) {
        close_keys(source);
        return SES_UNAVAILABLE;
    }
    for (int i = 0; i < TRIES_MAX && status == SES_CONFLICT; i++) {
        if (i > 0)
            (void)poll(NULL, 0, PAUSE_MS);
        status = bring_once(source, target, ret_fault);
    }
    close_keys(source);
    close_keys(target);
    return conclude(status, ret_fault);
}

/* ---- retiring ----------------------------------------------------------------------------------------- */

/* The id stands in the clear in each record's header, little endian. */
enum ses_status ses_pg_keys_check_unused(const struct ses_pg_place *place, uint16_t seal_number,
                                         struct ses_fault *ret_fault)
{
    static const char text[] = "SELECT EXISTS (SELECT FROM session WHERE substr(record, 3, 2) = $1"
                               " OR substr(intent, 3, 2) = $1) AS sealed";
    const uint8_t id[2] = {(uint8_t)(seal_number & 0xff), (uint8_t)(seal_number >> 8)};
    const struct pg_admin_value value = {id, sizeof(id)};
    struct pg_admin admin = {.conn = NULL};
    PGresult *result = NULL;
    enum ses_status status;

    SES_TRY(ses_pg_admin_open(&admin, place, ret_fault));
    admin.timeout_ms = SCAN_MS;
    status = ses_pg_admin_ask(&admin, text, &value, 1, ret_fault, &result);
    if (status == SES_OK && ses_pg_admin_is(result, "sealed"))
        status = ses_fault(ret_fault, SES_FAILED_PRECONDITION,
                           "records are sealed with this key, and would be lost; they leave with their time");
    PQclear(result);
    ses_pg_admin_close(&admin);
    return status;
}

static enum ses_status end_once(struct keys *keys, enum ses_key_print_kind kind, const char *id,
                                struct ses_fault *fault)
{
    SES_TRY(read_prints(keys, fault));
    return ses_pg_prints_end(&keys->prints, kind, id) == SES_OK ? write_prints(keys, fault) : SES_OK;
}

enum ses_status ses_pg_keys_retire(const struct ses_pg_place *place, enum ses_key_print_kind kind,
                                   const char *id, struct ses_fault *ret_fault)
{
    enum ses_status status = SES_CONFLICT;
    struct keys *keys = NULL;

    SES_TRY(open_keys(place, ret_fault, &keys));
    for (int i = 0; i < TRIES_MAX && status == SES_CONFLICT; i++) {
        if (i > 0)
            (void)poll(NULL, 0, PAUSE_MS);
        status = end_once(keys, kind, id, ret_fault);
    }
    close_keys(keys);
    return conclude(status, ret_fault);
}
