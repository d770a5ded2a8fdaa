/* A table of chains under a keyed hash: nobody can make one chain long. */
#include "source.h"

#include <stdlib.h>

#include <sessiond/base/hash.h>
#include <sessiond/base/list.h>
#include <sessiond/base/random.h>

#define CHAINS 1024u

struct ses_source {
    struct ses_list node;
    struct ses_ip ip;
    unsigned count;
};

struct ses_sources {
    unsigned connections_max;
    uint8_t key[SES_HASH_SHORT_KEY_BYTES];
    struct ses_list chains[CHAINS];
};

enum ses_status ses_sources_new(unsigned connections_max, struct ses_sources **ret_sources)
{
    struct ses_sources *sources = calloc(1, sizeof(*sources));

    if (sources == NULL)
        return SES_NO_MEMORY;
    sources->connections_max = connections_max;
    ses_random_bytes(sources->key, sizeof(sources->key));
    for (unsigned i = 0; i < CHAINS; i++)
        ses_list_init(&sources->chains[i]);
    *ret_sources = sources;
    return SES_OK;
}

void ses_sources_free(struct ses_sources *sources)
{
    free(sources);
}

static struct ses_source *find(const struct ses_list *chain, const struct ses_ip *ip)
{
    for (struct ses_list *node = chain->next; node != chain; node = node->next) {
        struct ses_source *source = SES_CONTAINER(node, struct ses_source, node);

        if (memcmp(source->ip.bytes, ip->bytes, sizeof(ip->bytes)) == 0)
            return source;
    }
    return NULL;
}

bool ses_source_enter(struct ses_sources *sources, const struct ses_ip *ip, struct ses_source **ret_source)
{
    struct ses_ip key = ses_ip_source(ip);
    struct ses_list *chain =
        &sources->chains[ses_hash_short(sources->key, ses_slice(key.bytes, sizeof(key.bytes))) % CHAINS];
    struct ses_source *source = find(chain, &key);

    *ret_source = NULL;
    if (source != NULL && source->count >= sources->connections_max)
        return false;
    if (source == NULL) {
        source = calloc(1, sizeof(*source));
        if (source == NULL)
            return true;
        source->ip = key;
        ses_list_push_back(chain, &source->node);
    }
    source->count++;
    *ret_source = source;
    return true;
}

void ses_source_leave(struct ses_source *source)
{
    if (source == NULL || --source->count > 0)
        return;
    ses_list_remove(&source->node);
    free(source);
}
