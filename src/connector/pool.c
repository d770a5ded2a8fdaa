/* Generations of one multi handle each. A pool is closed by whoever takes its last call, but never from
 * inside on_progress: the loop over libcurl's messages still stands on the handle.
 */
#include "pool.h"

#include <stdlib.h>

#include <sessiond/base/random.h>
#include <sessiond/base/units.h>

/* Kept connections, all hosts together. */
#define CONNECTIONS_KEPT_MAX 256L

static void on_pool_closed(void *arg)
{
    struct ses_pool *pool = arg;
    struct ses_pools *owner = pool->owner;

    free(pool);
    owner->open--;
    if (owner->open == 0 && owner->current == NULL)
        owner->on_closed(owner->arg);
}

static void close_if_done(struct ses_pool *pool)
{
    if (!pool->retired || pool->calls > 0 || pool->working)
        return;
    pool->owner->retired--;
    ses_curl_loop_close(&pool->curl);
}

static void on_progress(void *arg)
{
    struct ses_pool *pool = arg;
    CURLMsg *message;
    int left;

    pool->working = true;
    while ((message = curl_multi_info_read(pool->curl.multi, &left)) != NULL) {
        if (message->msg == CURLMSG_DONE)
            pool->owner->on_ended(pool, message->easy_handle, message->data.result);
    }
    pool->working = false;
    close_if_done(pool);
}

/* Three quarters to the whole of a life: what opened its connections together should not do so again. */
static uint64_t jittered(uint64_t life_ms)
{
    uint16_t draw;

    ses_random_bytes(&draw, sizeof(draw));
    return life_ms - life_ms / 4 * draw / UINT16_MAX;
}

static enum ses_status pool_new(struct ses_pools *pools, uint64_t now_mono_ns, struct ses_pool **ret_pool)
{
    struct ses_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        return SES_NO_MEMORY;
    pool->owner = pools;
    pool->retire_mono_ns = now_mono_ns + jittered(pools->life_ms) * SES_NS_PER_MS;
    pool->curl = (struct ses_curl_loop){
        .loop = pools->loop,
        .peers = pools->peers,
        .on_progress = on_progress,
        .on_closed = on_pool_closed,
        .arg = pool,
    };
    if (ses_curl_loop_open(&pool->curl) != SES_OK) {
        free(pool);
        return SES_NO_MEMORY;
    }
    (void)curl_multi_setopt(pool->curl.multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_KEPT_MAX);
    pools->open++;
    *ret_pool = pool;
    return SES_OK;
}

static void retire(struct ses_pool *pool)
{
    pool->retired = true;
    pool->owner->retired++;
    close_if_done(pool);
}

enum ses_status ses_pools_open(struct ses_pools *pools, uint64_t now_mono_ns)
{
    return pool_new(pools, now_mono_ns, &pools->current);
}

void ses_pools_close(struct ses_pools *pools)
{
    struct ses_pool *last = pools->current;

    SES_REQUIRE(pools->retired == 0 && last->calls == 0);
    pools->current = NULL;
    retire(last);
}

/* Without memory, or with too many old ones, the old pool goes on: names are then looked up a call later. */
struct ses_pool *ses_pools_current(struct ses_pools *pools, uint64_t now_mono_ns)
{
    struct ses_pool *old = pools->current;
    struct ses_pool *fresh;

    if (now_mono_ns < old->retire_mono_ns || pools->retired == SES_POOLS_RETIRED_MAX ||
        pool_new(pools, now_mono_ns, &fresh) != SES_OK)
        return old;
    pools->current = fresh;
    retire(old);
    return fresh;
}

enum ses_status ses_pool_attach(struct ses_pool *pool, CURL *easy, bool https)
{
    ses_curl_loop_attach(&pool->curl, easy, https);
    if (curl_multi_add_handle(pool->curl.multi, easy) != CURLM_OK)
        return SES_NO_MEMORY;
    pool->calls++;
    return SES_OK;
}

void ses_pool_detach(struct ses_pool *pool, CURL *easy)
{
    SES_REQUIRE(curl_multi_remove_handle(pool->curl.multi, easy) == CURLM_OK);
    pool->calls--;
    close_if_done(pool);
}
