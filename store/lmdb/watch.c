/* The loop's side of the watch board: the watches of this process, and what to do when their buckets changed.
 * A bucket holds many keys, so a marked one is looked through and only watches whose word has changed are
 * called.
 */
#include <stdlib.h>
#include <unistd.h>

#include "store_lmdb_impl.h"

static enum ses_status make_table(struct ses_lmdb *store)
{
    struct watch_table *table = calloc(1, sizeof(*table));

    if (table == NULL)
        return SES_NO_MEMORY;
    for (unsigned i = 0; i < WATCH_BUCKETS; i++)
        ses_list_init(&table->bucket[i]);
    table->looking_at = WATCH_BUCKETS;
    store->watches = table;
    return SES_OK;
}

/* The newest published word of the key; 0: none. Claims that come and go do not change it. */
static uint64_t published_word(const struct ses_lmdb *store, const struct ses_store_key *key)
{
    struct table_probe probe;
    struct table_entry entry;

    ses_table_probe(store->table, key, &probe);
    return ses_table_find(store->table, &probe, &entry) ? entry.previous : 0;
}

enum ses_status ses_lmdb_watch(struct ses_lmdb *store, const struct ses_store_key *key,
                               struct ses_store_watch *watch)
{
    struct ses_watch_board *board = store->watch_board;
    unsigned bucket = watch_bucket(ses_table_tag(key));

    if (board == NULL || !store->writable)
        return SES_UNAVAILABLE;
    if (store->watches == NULL)
        SES_TRY(make_table(store));
    if (store->watches->count >= SES_STORE_WATCHES_MAX)
        return SES_FULL;
    watch->key = *key;
    ses_list_push_back(&store->watches->bucket[bucket], &watch->node);
    store->watches->count++;
    /* First the bit, then the word: what is published in between is told and seen. */
    (void)atomic_fetch_or(&board->shared->watchers[bucket], UINT64_C(1) << store->number);
    watch->seen = published_word(store, key);
    return SES_OK;
}

static void leave_if_empty(struct ses_lmdb *store, unsigned bucket)
{
    if (ses_list_empty(&store->watches->bucket[bucket]))
        (void)atomic_fetch_and(&store->watch_board->shared->watchers[bucket],
                               ~(UINT64_C(1) << store->number));
}

void ses_lmdb_unwatch(struct ses_lmdb *store, struct ses_store_watch *watch)
{
    unsigned bucket = watch_bucket(ses_table_tag(&watch->key));

    if (ses_list_empty(&watch->node))
        return;
    ses_list_remove(&watch->node);
    store->watches->count--;
    if (store->watches->looking_at != bucket) /* else others of it may stand in look's own list */
        leave_if_empty(store, bucket);
}

/* A watch may end any other one: those not looked at yet stand in a list of their own, from which they can
 * vanish. */
static void look(struct ses_lmdb *store, unsigned bucket)
{
    struct ses_list *home = &store->watches->bucket[bucket];
    struct ses_list waiting;
    struct ses_list *node;

    ses_list_init(&waiting);
    store->watches->looking_at = bucket;
    while ((node = ses_list_pop(home)) != NULL)
        ses_list_push_back(&waiting, node);
    while ((node = ses_list_pop(&waiting)) != NULL) {
        struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);
        uint64_t word = published_word(store, &watch->key);

        ses_list_push_back(home, node);
        if (word == watch->seen)
            continue;
        watch->seen = word;
        watch->changed(watch->arg);
    }
    store->watches->looking_at = WATCH_BUCKETS;
    leave_if_empty(store, bucket);
}

static void look_at_word(struct ses_lmdb *store, unsigned word, uint64_t marked)
{
    while (marked != 0) {
        unsigned bit = (unsigned)__builtin_ctzll(marked);

        marked &= marked - 1;
        look(store, word * 64 + bit);
    }
}

/* The eventfd first, then summary, then pending: a mark that comes in between leaves another wake
 * (watch_board.h). */
void ses_lmdb_watch_dispatch(struct ses_lmdb *store)
{
    struct watch_slot *own;
    uint64_t words;
    uint64_t count;

    if (store->watch_board == NULL || !store->writable)
        return;
    own = &store->watch_board->shared->slot[store->number];
    (void)!read(store->watch_board->fd[store->number], &count, sizeof(count));
    words = atomic_exchange(&own->summary, 0);
    while (words != 0) {
        unsigned word = (unsigned)__builtin_ctzll(words);

        words &= words - 1;
        if (store->watches != NULL)
            look_at_word(store, word, atomic_exchange(&own->pending[word], 0));
    }
}
