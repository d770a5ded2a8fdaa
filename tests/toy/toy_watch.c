/* Watching within a cloud: what a key showed when its watcher was told last is compared with what it shows.
 * Write ids are never given twice, so a record that comes back under another one is news and nothing else is.
 */
#include "toy_impl.h"

#include <sessiond/base/clock.h>

static uint64_t shown_id(struct toy_store *store, const struct ses_store_key *key)
{
    const struct toy_revision *shown = toy_row_shown(toy_row(store->cloud, key), ses_clock_mono_ns());

    return shown != NULL ? shown->write_id[0] : 0;
}

enum ses_status toy_watch(struct ses_store *base, const struct ses_store_key *key,
                          struct ses_store_watch *watch)
{
    struct toy_store *store = toy_of(base);

    if (store->watches_count == SES_STORE_WATCHES_MAX)
        return SES_FULL;
    watch->key = *key;
    watch->seen = shown_id(store, key);
    ses_list_push_back(&store->watches, &watch->node);
    store->watches_count++;
    return SES_OK;
}

void toy_unwatch(struct ses_store *base, struct ses_store_watch *watch)
{
    if (ses_list_empty(&watch->node))
        return;
    ses_list_remove(&watch->node);
    toy_of(base)->watches_count--;
}

static bool has_news(struct toy_store *store, struct ses_store_watch *watch)
{
    uint64_t id = shown_id(store, &watch->key);
    bool news = id != watch->seen;

    watch->seen = id;
    return toy_chance(store, store->options.faults.watch_false) || news;
}

/* News takes its way, if anything does: the watchers hear at one of the next dispatches. */
static bool is_late(struct toy_store *store)
{
    if (store->frozen)
        return true;
    if (store->options.mode == TOY_SYNC || store->dispatches_left == 0) {
        store->dispatches_left = store->options.pumps_max;
        return false;
    }
    store->dispatches_left--;
    return toy_random(store, 2) == 0;
}

/* changed may watch and unwatch, itself and others: who was not asked yet waits in a list of its own. */
void toy_watch_dispatch(struct ses_store *base)
{
    struct toy_store *store = toy_of(base);
    struct ses_list asked;
    struct ses_list *node;

    if (is_late(store))
        return;
    ses_list_init(&asked);
    while ((node = ses_list_pop(&store->watches)) != NULL)
        ses_list_push_back(&asked, node);
    while ((node = ses_list_pop(&asked)) != NULL) {
        struct ses_store_watch *watch = SES_CONTAINER(node, struct ses_store_watch, node);

        ses_list_push_back(&store->watches, node);
        if (has_news(store, watch))
            watch->changed(watch->arg);
    }
}
