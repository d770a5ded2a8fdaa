#include "watches.h"

#include <stdlib.h>

#include <sessiond/base/units.h>

#include "lookup.h"
#include "rows_impl.h"
#include "rules.h"

#define BUCKETS        4096u /* a power of two */
#define ROUND_MS_MIN   50
#define ROUND_MS_NEVER UINT64_C(3600000)
#define ROUND_MS_MAX   1000
#define WATCHES_A_MS   2 /* keys that are asked for in a millisecond, as long as a round is short */
#define SEEN_NOTHING   1 /* of a key without a record; 0: not looked yet */
#define SEEN_SOMETHING 2 /* set in what is made of an id */

struct asking {
    struct pg_lookup lookup;
    struct pg_watches *watches;
    int64_t epoch; /* of the map by which it was asked */
    size_t count;
    struct ses_store_key keys[];
};

void ses_pg_watches_init(struct pg_watches *watches, struct pg_rows *rows)
{
    *watches = (struct pg_watches){.rows = rows};
    ses_list_init(&watches->news);
}

void ses_pg_watches_done(struct pg_watches *watches)
{
    free(watches->buckets);
    watches->buckets = NULL;
}

static struct ses_list *bucket_of(const struct pg_watches *watches, const struct ses_store_key *key)
{
    uint32_t word;

    memcpy(&word, key->bytes, sizeof(word));
    return &watches->buckets[word & (BUCKETS - 1)];
}

static bool make_buckets(struct pg_watches *watches)
{
    if (watches->buckets != NULL)
        return true;
    watches->buckets = malloc(BUCKETS * sizeof(watches->buckets[0]));
    for (unsigned i = 0; watches->buckets != NULL && i < BUCKETS; i++)
        ses_list_init(&watches->buckets[i]);
    return watches->buckets != NULL;
}

enum ses_status ses_pg_watches_add(struct pg_watches *watches, const struct ses_store_key *key,
                                   struct ses_store_watch *watch)
{
    if (watches->count >= SES_STORE_WATCHES_MAX)
        return SES_FULL;
    if (!make_buckets(watches))
        return SES_NO_MEMORY;
    watch->key = *key;
    watch->seen = 0;
    watch->home = watches;
    ses_list_push_back(bucket_of(watches, key), &watch->node);
    watches->count++;
    return SES_OK;
}

void ses_pg_watches_remove(struct ses_store_watch *watch)
{
    struct pg_watches *watches = watch->home;

    if (ses_list_empty(&watch->node))
        return;
    ses_list_remove(&watch->node);
    watches->count--;
}

/* ---- of keys that have moved ---- */

static void take_strays(struct pg_watches *watches, struct ses_list *list, struct ses_list *strays)
{
    struct ses_list *next;

    for (struct ses_list *node = list->next; node != list; node = next) {
        const struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);

        next = node->next;
        if (ses_pg_map_has(&watches->rows->map, &watch->key))
            continue;
        ses_list_remove(node);
        ses_list_push_back(strays, node);
        watches->count--;
    }
}

void ses_pg_watches_take_strays(struct pg_watches *watches, struct ses_list *ret_strays)
{
    ses_list_init(ret_strays);
    if (watches->count == 0)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        take_strays(watches, &watches->buckets[i], ret_strays);
    take_strays(watches, &watches->news, ret_strays);
}

/* What was put while nobody looked is not known: it is told, and its first round tells too. */
bool ses_pg_watches_adopt(struct pg_watches *watches, struct ses_store_watch *watch)
{
    if (!make_buckets(watches))
        return false;
    watch->home = watches;
    watch->seen = 0;
    watches->count++;
    ses_list_push_back(&watches->news, &watch->node);
    return true;
}

void ses_pg_watches_keep(struct pg_watches *watches, struct ses_store_watch *watch)
{
    watches->count++;
    ses_list_push_back(bucket_of(watches, &watch->key), &watch->node);
}

/* ---- news ---- */

static uint64_t seen_of(const uint8_t id[PG_ID_BYTES])
{
    uint64_t words[PG_ID_BYTES / 8];

    if (id == NULL)
        return SEEN_NOTHING;
    memcpy(words, id, PG_ID_BYTES);
    return (words[0] ^ words[1] ^ (words[2] << 2)) | SEEN_SOMETHING;
}

/* A watch that has not been looked at is told of whatever there is: what it was when it began nobody knows. */
void ses_pg_watches_note(struct pg_watches *watches, const struct ses_store_key *key,
                         const uint8_t id[PG_ID_BYTES])
{
    uint64_t seen = seen_of(id);
    struct ses_list *bucket;
    struct ses_list *next;

    if (watches->count == 0)
        return;
    bucket = bucket_of(watches, key);
    for (struct ses_list *node = bucket->next; node != bucket; node = next) {
        struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);

        next = node->next;
        if (watch->seen == seen || ses_pg_key_compare(&watch->key, key) != 0)
            continue;
        watch->seen = seen;
        ses_list_remove(node);
        ses_list_push_back(&watches->news, node);
    }
}

/* Only of a watch that has not been looked at: a get that was sent earlier shows what is older, and costs a false alarm. */
void ses_pg_watches_shown(struct pg_watches *watches, const struct ses_store_key *key,
                          const uint8_t id[PG_ID_BYTES])
{
    const struct ses_list *bucket;

    if (watches->count == 0)
        return;
    bucket = bucket_of(watches, key);
    for (struct ses_list *node = bucket->next; node != bucket; node = node->next) {
        struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);

        if (watch->seen == 0 && ses_pg_key_compare(&watch->key, key) == 0)
            watch->seen = seen_of(id);
    }
}

/* One that is told goes back first: it may unwatch any, itself too, and be told again. */
void ses_pg_watches_tell(struct pg_watches *watches)
{
    struct ses_list told;
    struct ses_list *node;

    ses_list_init(&told);
    while ((node = ses_list_pop(&watches->news)) != NULL)
        ses_list_push_back(&told, node);
    while ((node = ses_list_pop(&told)) != NULL) {
        struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);

        ses_list_push_back(bucket_of(watches, &watch->key), node);
        watch->changed(watch->arg);
    }
}

/* ---- hints ---- */

/* Once, however often it is hinted at before it is looked at. What finds no room is found by the next round, which begins
 * at once. */
static void add_hinted(struct pg_watches *watches, const struct ses_store_key *key)
{
    for (size_t i = 0; i < watches->hinted_count; i++)
        if (ses_pg_key_compare(&watches->hinted[i], key) == 0)
            return;
    if (watches->hinted_count < PG_WATCHES_AT_ONCE)
        watches->hinted[watches->hinted_count++] = *key;
    else
        watches->round_ns = 0;
}

/* A watched key that begins with these bytes; NULL: none. There is one at most, but for a collision in 64 bits, of which
 * the other one is found by the next round. */
static const struct ses_store_key *find_hinted(const struct pg_watches *watches,
                                               const struct pg_hint_word *word)
{
    struct ses_store_key begin = {{0}};
    const struct ses_list *bucket;

    memcpy(begin.bytes, word->bytes, sizeof(word->bytes));
    bucket = bucket_of(watches, &begin);
    for (struct ses_list *node = bucket->next; node != bucket; node = node->next) {
        const struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);

        if (memcmp(watch->key.bytes, word->bytes, sizeof(word->bytes)) == 0)
            return &watch->key;
    }
    return NULL;
}

void ses_pg_watches_hint(struct pg_watches *watches, const struct pg_hint *hint)
{
    size_t useful = 0;

    ses_pg_count(watches->rows, SES_S_HINTS_RECEIVED, hint->count);
    for (size_t i = 0; i < hint->count && watches->count > 0; i++) {
        const struct ses_store_key *key = find_hinted(watches, &hint->keys[i]);

        if (key == NULL)
            continue;
        add_hinted(watches, key);
        useful++;
    }
    ses_pg_count(watches->rows, SES_S_HINTS_USEFUL, useful);
}

void ses_pg_watches_doubt(struct pg_watches *watches, const struct ses_store_key *key)
{
    struct pg_hint_word word;

    memcpy(word.bytes, key->bytes, sizeof(word.bytes));
    if (watches->count > 0 && find_hinted(watches, &word) != NULL)
        add_hinted(watches, key);
}

/* ---- looking ---- */

static void note_found(struct asking *asking, const PGresult *result)
{
    struct pg_watches *watches = asking->watches;
    bool found[PG_WATCHES_AT_ONCE] = {false};

    for (int n = 0; n < PQntuples(result); n++) {
        struct pg_found row = ses_pg_found_read(result, n);
        bool present = row.record || (row.intent && !row.leased);
        struct ses_store_key key;

        if (!ses_pg_value_key(result, n, &key))
            continue;
        ses_pg_watches_note(watches, &key, present ? ses_pg_found_id(&row) : NULL);
        for (size_t i = 0; i < asking->count; i++)
            found[i] = found[i] || ses_pg_key_compare(&asking->keys[i], &key) == 0;
    }
    for (size_t i = 0; i < asking->count; i++) {
        if (!found[i])
            ses_pg_watches_note(watches, &asking->keys[i], NULL);
    }
}

static void free_asking(struct asking *asking)
{
    ses_pg_array_done(&asking->lookup.keys);
    free(asking);
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct asking *asking = SES_CONTAINER(request, struct asking, lookup.request);
    struct pg_rows *rows = asking->watches->rows;

    asking->watches->asking = false;
    ses_pg_sent_ended(rows, PG_USE_READ);
    ses_pg_count_read(rows, request, answer, asking->count);
    if (answer->end == PG_END_DONE && ses_pg_link_may_read(rows->options.link)) {
        if (ses_pg_rows_hear(rows, ses_pg_value_epoch(answer->result, PG_IDS_EPOCH), asking->epoch))
            note_found(asking, answer->result);
        else
            asking->watches->round_ns = 0; /* all are looked for by the next map, at once */
    }
    free_asking(asking);
}

/* Keys of buckets from the cursor on; a crowded bucket is cut, and its rest is looked at in the next round, as those
 * that were looked at go to its end. The cursor moves behind what was taken. */
static void collect(struct pg_watches *watches, struct asking *asking)
{
    while (watches->cursor < BUCKETS && asking->count < PG_WATCHES_AT_ONCE) {
        struct ses_list *bucket = &watches->buckets[watches->cursor++];
        struct ses_list seen;
        struct ses_list *node;

        ses_list_init(&seen);
        while (asking->count < PG_WATCHES_AT_ONCE && (node = ses_list_pop(bucket)) != NULL) {
            asking->keys[asking->count++] = SES_CONTAINER(node, struct ses_store_watch, node)->key;
            ses_list_push_back(&seen, node);
        }
        while ((node = ses_list_pop(&seen)) != NULL)
            ses_list_push_back(bucket, node);
    }
}

/* What hints name, and the next keys of the round, if one is under way; NULL: nothing, or no memory. */
static struct asking *make_asking(struct pg_watches *watches)
{
    struct asking *asking = calloc(1, sizeof(*asking) + PG_WATCHES_AT_ONCE * sizeof(asking->keys[0]));

    if (asking == NULL)
        return NULL;
    ses_pg_array_init(&asking->lookup.keys);
    asking->watches = watches;
    asking->epoch = watches->rows->map.epoch;
    asking->count = watches->hinted_count;
    memcpy(asking->keys, watches->hinted, asking->count * sizeof(asking->keys[0]));
    if (watches->in_round)
        collect(watches, asking);
    if (asking->count == 0 || ses_pg_keys_begin(&asking->lookup.keys, (uint32_t)asking->count) != SES_OK) {
        free_asking(asking);
        return NULL;
    }
    for (size_t i = 0; i < asking->count; i++)
        ses_pg_keys_add(&asking->lookup.keys, &asking->keys[i]);
    ses_pg_lookup_make(&asking->lookup, &ses_pg_ids_sql, on_done);
    return asking;
}

static bool ask(struct pg_watches *watches)
{
    struct asking *asking = make_asking(watches);

    if (asking == NULL)
        return false;
    watches->asking = ses_pg_send(watches->rows, PG_USE_READ, &asking->lookup.request);
    if (watches->asking)
        watches->hinted_count = 0;
    else
        free_asking(asking);
    return watches->asking;
}

static uint64_t round_ms(const struct pg_watches *watches)
{
    uint64_t ms = watches->count / WATCHES_A_MS;

    if (watches->hints)
        return ses_pg_rule(PG_RULE_ROUNDS) ? ROUND_MS_MAX : ROUND_MS_NEVER;
    return ms < ROUND_MS_MIN ? ROUND_MS_MIN : (ms > ROUND_MS_MAX ? ROUND_MS_MAX : ms);
}

static uint64_t next_round_ns(const struct pg_watches *watches)
{
    uint64_t due_ns = watches->round_ns + round_ms(watches) * SES_NS_PER_MS;

    return due_ns > watches->rest_ns ? due_ns : watches->rest_ns;
}

static void begin_round(struct pg_watches *watches, uint64_t now_ns)
{
    watches->in_round = true;
    watches->cursor = 0;
    watches->round_ns = now_ns;
}

/* It took long, or reads are closed: they are not asked for all the time. */
static void end_round(struct pg_watches *watches, uint64_t now_ns)
{
    watches->in_round = false;
    if (next_round_ns(watches) <= now_ns || watches->hinted_count > 0)
        watches->rest_ns = now_ns + ROUND_MS_MIN * SES_NS_PER_MS;
}

/* When there is something to ask for: now, or later. */
static uint64_t due(const struct pg_watches *watches, uint64_t now_ns)
{
    if (watches->in_round)
        return now_ns;
    return watches->hinted_count > 0 ? watches->rest_ns : next_round_ns(watches);
}

uint64_t ses_pg_watches_turn(struct pg_watches *watches, bool hints, uint64_t now_ns)
{
    watches->hints = hints;
    if (watches->count == 0)
        watches->hinted_count = 0;
    if (watches->count == 0 || watches->asking) /* its end wakes */
        return UINT64_MAX;
    if (due(watches, now_ns) > now_ns)
        return due(watches, now_ns);
    if (!watches->in_round && next_round_ns(watches) <= now_ns)
        begin_round(watches, now_ns);
    if (!ses_pg_may_send(watches->rows, PG_USE_READ)) /* a free connection wakes */
        return UINT64_MAX;
    if (ses_pg_link_may_read(watches->rows->options.link) && ses_pg_map_is_good(&watches->rows->map) &&
        ask(watches))
        return UINT64_MAX;
    end_round(watches, now_ns);
    return due(watches, now_ns);
}
