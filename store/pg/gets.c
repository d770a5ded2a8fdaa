/* Gets, many in one statement. The sealed record waits in memory of its own until done is called: the arena is the
 * caller's until then.
 */
#include "rows_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "lookup.h"

#define CLOSED_MS 200 /* a get waits so long for reads to open */
#define TRIES     2   /* after the first one */

struct get {
    struct ses_list node;    /* of those that wait */
    struct ses_store_op *op; /* NULL: nobody waits for it, its reading is on its way */
    struct ses_arena *arena;
    struct ses_store_key key;
    uint64_t queued_ns;
    uint64_t held_ns; /* since when its slot has nobody who takes it; 0: never */
    unsigned tries;
    bool sent;
    bool leased;
    uint8_t *sealed; /* NULL: there is no record */
    size_t sealed_bytes;
};

struct reading {
    struct pg_lookup lookup;
    struct pg_rows *rows;
    int64_t epoch; /* of the map by which it was asked */
    size_t count;
    struct get *get[]; /* sorted by key */
};

/* ---- one get ---- */

static struct get *get_of(const struct ses_store_op *op)
{
    return (struct get *)(uintptr_t)op->driver[PG_OP_GET];
}

static void free_get(struct pg_rows *rows, struct get *get)
{
    rows->gets_count--;
    free(get->sealed);
    free(get);
}

/* Waits to be sent, or goes astray. */
static void wait(struct pg_rows *rows, struct get *get)
{
    get->sent = false;
    ses_list_push_back(ses_pg_map_has(&rows->map, &get->key) ? &rows->gets : &rows->gets_astray, &get->node);
}

/* Reads that are closed open within a beat where there is a primary that answers. */
static bool may_wait(const struct pg_rows *rows)
{
    return ses_pg_link_may_read(rows->options.link) || ses_pg_link_state(rows->options.link) == PG_STATE_OPEN;
}

enum ses_status ses_pg_rows_get(struct pg_rows *rows, struct ses_store_op *op,
                                const struct ses_store_key *key, struct ses_arena *arena)
{
    struct get *get;

    if (rows->closing || !may_wait(rows) || rows->gets_count >= rows->options.store->queue_max) {
        ses_pg_count(rows, SES_S_REFUSED, 1);
        return SES_UNAVAILABLE;
    }
    get = calloc(1, sizeof(*get));
    if (get == NULL)
        return SES_NO_MEMORY;
    get->op = op;
    get->arena = arena;
    get->key = *key;
    get->queued_ns = ses_clock_mono_ns();
    op->driver[PG_OP_ROW] = 0;
    op->driver[PG_OP_GET] = (uint64_t)(uintptr_t)get;
    rows->gets_count++;
    wait(rows, get);
    ses_pg_op_begin(rows, op);
    return SES_PENDING;
}

void ses_pg_get_end(struct pg_rows *rows, struct ses_store_op *op, enum ses_status status)
{
    struct get *get = get_of(op);

    if (get->sent) { /* its answer finds nobody */
        get->op = NULL;
        op->driver[PG_OP_GET] = 0;
    } else {
        ses_list_remove(&get->node);
    }
    ses_pg_op_end(rows, op, status);
}

void ses_pg_gets_refuse(struct pg_rows *rows, uint64_t now_ns)
{
    struct ses_list *next;

    if (ses_pg_link_may_read(rows->options.link))
        return;
    for (struct ses_list *node = rows->gets.next; node != &rows->gets; node = next) {
        struct get *get = SES_CONTAINER(node, struct get, node);

        next = node->next;
        if (!may_wait(rows) || now_ns - get->queued_ns >= CLOSED_MS * SES_NS_PER_MS)
            ses_pg_get_end(rows, get->op, SES_UNAVAILABLE);
    }
}

static enum ses_status open_record(const struct pg_rows *rows, const struct get *get, struct ses_store_op *op)
{
    struct ses_slice sealed = ses_slice(get->sealed, get->sealed_bytes);
    struct ses_record record;

    ses_arena_reset(get->arena);
    SES_TRY(ses_record_open(&rows->keys, &rows->sealer, sealed, get->arena, &record));
    if (ses_pg_key_compare(&record.key, &get->key) != 0)
        return SES_DATA_LOSS;
    op->record = record;
    op->version = ses_pg_version(record.revision, get->sealed + RECORD_HEADER_BYTES);
    op->leased = get->leased;
    return SES_OK;
}

enum ses_status ses_pg_get_tell(struct pg_rows *rows, struct ses_store_op *op)
{
    struct get *get = get_of(op);
    enum ses_status status = (enum ses_status)op->driver[PG_OP_STATUS];

    if (status == SES_OK && get->sealed != NULL) {
        status = open_record(rows, get, op);
        if (status == SES_DATA_LOSS)
            ses_pg_tell_unreadable(rows, ses_slice(get->sealed, get->sealed_bytes));
    } else if (status == SES_OK) {
        status = SES_NOT_FOUND;
        ses_arena_reset(get->arena);
        op->version = SES_VERSION_ABSENT;
        op->leased = get->leased;
    }
    if (rows->options.shown != NULL && (status == SES_OK || status == SES_NOT_FOUND))
        rows->options.shown(rows->options.shown_arg, &get->key,
                            status == SES_OK ? get->sealed + RECORD_HEADER_BYTES : NULL);
    free_get(rows, get);
    return status;
}

/* ---- an answer ---- */

static int compare(const void *a, const void *b)
{
    return ses_pg_key_compare(&(*(struct get *const *)a)->key, &(*(struct get *const *)b)->key);
}

/* The first of those that ask for the key; count: nobody does. */
static size_t find(const struct reading *reading, const struct ses_store_key *key)
{
    size_t low = 0;
    size_t high = reading->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ses_pg_key_compare(&reading->get[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The current record: the intent of nobody's lease, or what lies beneath. */
static enum ses_status keep(struct get *get, const PGresult *result, int n)
{
    struct ses_slice record;

    get->leased = ses_pg_value_bool(result, n, PG_READ_LEASED);
    record = ses_pg_value(result, n, PG_READ_INTENT);
    if (get->leased || record.len == 0)
        record = ses_pg_value(result, n, PG_READ_RECORD);
    if (record.len == 0)
        return SES_OK;
    get->sealed = malloc(record.len);
    if (get->sealed == NULL)
        return SES_NO_MEMORY;
    memcpy(get->sealed, record.data, record.len);
    get->sealed_bytes = record.len;
    return SES_OK;
}

enum verdict {
    COUNTS,
    LOST,  /* or it does not count: asked again, a read changes nothing */
    MOVED, /* of another epoch: likewise, where the key is then */
    REFUSED
};

static void end_get(struct pg_rows *rows, struct get *get, enum verdict verdict)
{
    if (get->op == NULL) {
        free_get(rows, get);
    } else if (verdict == COUNTS) {
        ses_pg_op_end(rows, get->op, SES_OK);
    } else if (verdict == MOVED || (verdict == LOST && get->tries++ < TRIES && may_wait(rows))) {
        wait(rows, get);
    } else {
        ses_pg_op_end(rows, get->op, SES_UNAVAILABLE);
    }
}

static void on_rows(struct pg_rows *rows, struct reading *reading, const PGresult *result)
{
    for (int n = 0; n < PQntuples(result); n++) {
        struct ses_store_key key;

        if (!ses_pg_value_key(result, n, &key))
            continue;
        for (size_t i = find(reading, &key);
             i < reading->count && ses_pg_key_compare(&reading->get[i]->key, &key) == 0; i++) {
            struct get *get = reading->get[i];
            enum ses_status status = get->op == NULL ? SES_OK : keep(get, result, n);

            if (status != SES_OK)
                ses_pg_get_end(rows, get->op, status);
        }
    }
}

static void free_reading(struct reading *reading)
{
    ses_pg_array_done(&reading->lookup.keys);
    free(reading);
}

static enum verdict judge(struct pg_rows *rows, const struct reading *reading, const struct pg_answer *answer)
{
    if (answer->end == PG_END_REFUSED)
        return REFUSED;
    if (answer->end != PG_END_DONE || !ses_pg_link_may_read(rows->options.link))
        return LOST;
    return ses_pg_rows_hear(rows, ses_pg_value_epoch(answer->result, PG_READ_EPOCH), reading->epoch) ? COUNTS
                                                                                                     : MOVED;
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct reading *reading = SES_CONTAINER(request, struct reading, lookup.request);
    struct pg_rows *rows = reading->rows;
    enum verdict verdict = judge(rows, reading, answer);

    ses_pg_sent_ended(rows, PG_USE_READ);
    ses_pg_count_read(rows, request, answer, reading->count);
    if (verdict == COUNTS)
        on_rows(rows, reading, answer->result);
    for (size_t i = 0; i < reading->count; i++)
        end_get(rows, reading->get[i], verdict);
    free_reading(reading);
}

/* ---- where the key is ---- */

/* Of one that is in no list. */
static void reroute(struct pg_rows *rows, struct get *get, enum pg_way way, struct pg_rows *to,
                    uint64_t now_ns)
{
    if (get->held_ns == 0 && way != PG_WAY_THERE)
        get->held_ns = now_ns;
    if (way == PG_WAY_THERE) {
        rows->gets_count--;
        to->gets_count++;
        ses_pg_op_move(rows, to, get->op);
        wait(to, get);
    } else if (way == PG_WAY_NOWHERE || now_ns - get->held_ns >= PG_HELD_MS * SES_NS_PER_MS) {
        ses_pg_op_end(rows, get->op, SES_UNAVAILABLE);
    } else {
        ses_list_push_back(&rows->gets_held, &get->node);
    }
}

void ses_pg_gets_reroute(struct pg_rows *rows, struct ses_list *list, pg_way_fn *way, void *arg,
                         uint64_t now_ns)
{
    struct ses_list all;
    struct ses_list *node;

    ses_list_init(&all);
    while ((node = ses_list_pop(list)) != NULL)
        ses_list_push_back(&all, node);
    while ((node = ses_list_pop(&all)) != NULL) {
        struct get *get = SES_CONTAINER(node, struct get, node);
        struct pg_rows *to = NULL;
        enum pg_way its = way(arg, &get->key, &to);

        reroute(rows, get, its, to, now_ns);
    }
}

void ses_pg_gets_sift(struct pg_rows *rows)
{
    struct ses_list *next;

    for (struct ses_list *node = rows->gets.next; node != &rows->gets; node = next) {
        struct get *get = SES_CONTAINER(node, struct get, node);

        next = node->next;
        if (ses_pg_map_has(&rows->map, &get->key))
            continue;
        ses_list_remove(node);
        wait(rows, get);
    }
}

/* ---- sending ---- */

static struct reading *make(struct pg_rows *rows)
{
    size_t count = rows->gets_count; /* at most so many wait */
    struct reading *reading;

    if (count > rows->options.store->batch_rows)
        count = rows->options.store->batch_rows;
    reading = calloc(1, sizeof(*reading) + count * sizeof(struct get *));
    if (reading == NULL)
        return NULL;
    ses_pg_array_init(&reading->lookup.keys);
    for (struct ses_list *node = rows->gets.next; node != &rows->gets && reading->count < count;
         node = node->next)
        reading->get[reading->count++] = SES_CONTAINER(node, struct get, node);
    if (ses_pg_keys_begin(&reading->lookup.keys, (uint32_t)reading->count) != SES_OK) {
        free_reading(reading);
        return NULL;
    }
    qsort(reading->get, reading->count, sizeof(struct get *),
          compare); /* NOLINT(bugprone-sizeof-expression): of pointers */
    for (size_t i = 0; i < reading->count; i++)
        ses_pg_keys_add(&reading->lookup.keys, &reading->get[i]->key);
    reading->rows = rows;
    reading->epoch = rows->map.epoch;
    ses_pg_lookup_make(&reading->lookup, &ses_pg_read_sql, on_done);
    return reading;
}

void ses_pg_gets_pump(struct pg_rows *rows)
{
    while (!ses_list_empty(&rows->gets) && ses_pg_may_send(rows, PG_USE_READ) &&
           ses_pg_link_may_read(rows->options.link)) {
        struct reading *reading = make(rows);

        if (reading == NULL)
            return;
        if (!ses_pg_send(rows, PG_USE_READ, &reading->lookup.request)) {
            free_reading(reading);
            return;
        }
        for (size_t i = 0; i < reading->count; i++) {
            ses_list_remove(&reading->get[i]->node);
            reading->get[i]->sent = true;
        }
    }
}
