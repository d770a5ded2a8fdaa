/* Both stores are watched: whichever has the key, and the moment in which it changes hands. */
#include "store_move_impl.h"

#include <stdlib.h>

struct watching {
    struct ses_store_watch near;
    struct ses_store_watch far;
    struct ses_store_watch *outer;
};

static void on_changed(void *arg)
{
    struct watching *watching = arg;

    watching->outer->changed(watching->outer->arg);
}

enum ses_status ses_move_watch(struct ses_store *base, const struct ses_store_key *key,
                               struct ses_store_watch *watch)
{
    struct move *move = move_of(base);
    struct watching *watching = calloc(1, sizeof(*watching));
    enum ses_status status = SES_NO_MEMORY;

    if (watching == NULL)
        return status;
    watching->outer = watch;
    watching->near = (struct ses_store_watch){.changed = on_changed, .arg = watching};
    watching->far = watching->near;
    status = ses_store_watch(move->near, key, &watching->near);
    if (status == SES_OK) {
        status = ses_store_watch(move->far, key, &watching->far);
        if (status != SES_OK)
            ses_store_unwatch(move->near, &watching->near);
    }
    if (status != SES_OK) {
        free(watching);
        return status;
    }
    watch->key = *key;
    watch->seen = (uint64_t)(uintptr_t)watching;
    ses_list_push_back(&move->watches, &watch->node);
    return SES_OK;
}

void ses_move_unwatch(struct ses_store *base, struct ses_store_watch *watch)
{
    struct move *move = move_of(base);
    struct watching *watching = (struct watching *)(uintptr_t)watch->seen;

    if (ses_list_empty(&watch->node))
        return;
    ses_list_remove(&watch->node);
    ses_store_unwatch(move->near, &watching->near);
    if (move->far != NULL)
        ses_store_unwatch(move->far, &watching->far);
    free(watching);
}
