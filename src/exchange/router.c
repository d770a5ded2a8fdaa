/* From a path to its route: one hash and, nearly always, one comparison. */
#include <sessiond/exchange/route.h>

#include <stdlib.h>

/* Exact paths in an open-addressing table at most half full; prefixes (a handful) in a list, longest first.
 * The routes are ours, so the hash needs no secret: a caller chooses what is looked up, never what is stored.
 */
struct ses_router {
    const struct ses_route **slots;
    size_t mask;
    const struct ses_route **prefixes;
    size_t prefixes_count;
    size_t path_bytes_max; /* longer paths need not be hashed */
};

/* Of the length and the last sixteen bytes, where methods' paths differ: two multiplications, and not one behind the other for
 * each byte. */
static uint64_t hash_path(struct ses_slice path)
{
    uint8_t end[16] = {0};
    uint64_t words[2];
    size_t len = path.len < sizeof(end) ? path.len : sizeof(end);

    if (len > 0)
        memcpy(end, path.data + path.len - len, len);
    memcpy(words, end, sizeof(words));
    uint64_t hash = (words[0] ^ path.len) * 0x9e3779b97f4a7c15u;

    hash = (hash ^ hash >> 32 ^ words[1]) * 0xc2b2ae3d27d4eb4fu;
    return hash ^ (hash >> 32);
}

/* A plain route whose path ends in '/': the rest of the path is an argument (/r/<handle>). */
static bool is_prefix(const struct ses_route *route)
{
    size_t length = strlen(route->path);

    return route->kind == SES_ROUTE_PLAIN && length > 0 && route->path[length - 1] == '/';
}

/* A free slot always comes, the table is at most half full. */
static const struct ses_route **find_slot(const struct ses_router *router, struct ses_slice path)
{
    size_t at = (size_t)hash_path(path) & router->mask;

    while (router->slots[at] != NULL && !ses_slice_eq_str(path, router->slots[at]->path))
        at = (at + 1) & router->mask;
    return &router->slots[at];
}

/* Sorted by length as they come, longest first, so that the first that fits is the right one. */
static enum ses_status add_prefix(struct ses_router *router, const struct ses_route *route)
{
    size_t at = router->prefixes_count;

    while (at > 0 && strlen(router->prefixes[at - 1]->path) <= strlen(route->path)) {
        if (strcmp(router->prefixes[at - 1]->path, route->path) == 0)
            return SES_ALREADY_EXISTS;
        router->prefixes[at] = router->prefixes[at - 1];
        at--;
    }
    router->prefixes[at] = route;
    router->prefixes_count++;
    return SES_OK;
}

static enum ses_status add_route(struct ses_router *router, const struct ses_route *route)
{
    struct ses_slice path = ses_slice_str(route->path);

    if (is_prefix(route))
        return add_prefix(router, route);
    const struct ses_route **slot = find_slot(router, path);
    if (*slot != NULL)
        return SES_ALREADY_EXISTS;
    *slot = route;
    if (path.len > router->path_bytes_max)
        router->path_bytes_max = path.len;
    return SES_OK;
}

static enum ses_status add_all(struct ses_router *router, const struct ses_route *const *tables,
                               const size_t *counts, size_t tables_count)
{
    for (size_t t = 0; t < tables_count; t++) {
        for (size_t i = 0; i < counts[t]; i++)
            SES_TRY(add_route(router, &tables[t][i]));
    }
    return SES_OK;
}

/* 8 slots at least, so that the mask is never 0 and a probe always ends. */
static enum ses_status make_router(size_t routes, struct ses_router **ret_router)
{
    struct ses_router *router = calloc(1, sizeof(*router));
    size_t room = 8;

    if (router == NULL)
        return SES_NO_MEMORY;
    while (room < 2 * routes)
        room *= 2;
    router->mask = room - 1;
    router->slots = calloc(room, sizeof(struct ses_route *));
    router->prefixes = calloc(routes + 1, sizeof(struct ses_route *));
    if (router->slots == NULL || router->prefixes == NULL) {
        ses_router_free(router);
        return SES_NO_MEMORY;
    }
    *ret_router = router;
    return SES_OK;
}

enum ses_status ses_router_new(const struct ses_route *const *tables, const size_t *counts,
                               size_t tables_count, struct ses_router **ret_router)
{
    struct ses_router *router;
    size_t routes = 0;

    for (size_t t = 0; t < tables_count; t++)
        routes += counts[t];
    SES_TRY(make_router(routes, &router));
    enum ses_status status = add_all(router, tables, counts, tables_count);
    if (status != SES_OK) {
        ses_router_free(router);
        return status;
    }
    *ret_router = router;
    return SES_OK;
}

void ses_router_free(struct ses_router *router)
{
    if (router == NULL)
        return;
    free(router->slots);
    free(router->prefixes);
    free(router);
}

/* Exact paths first, so that a prefix never hides one. */
const struct ses_route *ses_router_find(const struct ses_router *router, struct ses_slice path)
{
    const struct ses_route *route = path.len <= router->path_bytes_max ? *find_slot(router, path) : NULL;

    for (size_t i = 0; route == NULL && i < router->prefixes_count; i++) {
        if (ses_slice_starts(path, ses_slice_str(router->prefixes[i]->path)))
            route = router->prefixes[i];
    }
    return route;
}
