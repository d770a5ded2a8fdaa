/* return_pages.h - one exchange of the return URL and a look at the page that answered it. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_RETURN_PAGES_H
#define SESSIOND_TESTS_UNIT_METHOD_RETURN_PAGES_H

#include "exchange/door.h"

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/exchange/return_refusal.h>

#include <sessiond/exchange/return_page.h>

static struct ses_exchange_pool *pool;
static struct door door;

static inline struct ses_exchange *exchange(void)
{
    static const struct ses_route route = {.path = SES_RETURN_PATH, .kind = SES_ROUTE_PLAIN, .metric = -1};

    door = (struct door){.sent = 0};
    return door_exchange(pool, &door, &route);
}

static inline const char *page_body(void)
{
    return (const char *)door.message[0];
}

static inline struct ses_slice reply_header(const struct ses_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->reply_headers_count; i++) {
        if (ses_slice_eq_str(x->reply_headers[i].name, name))
            return x->reply_headers[i].value;
    }
    return SES_SLICE_EMPTY;
}

/* What a policy calls the element ("<style>"): 'sha256-..'. The page has exactly one. */
static inline const char *element_hash(const char *open, const char *close)
{
    static char text[2][8 + SES_BASE64_SIZE(crypto_hash_sha256_BYTES)];
    static unsigned next;
    unsigned char hash[crypto_hash_sha256_BYTES];
    const char *begin = strstr(page_body(), open);
    char *at = text[next++ % 2];

    assert_non_null(begin);
    begin += strlen(open);
    const char *end = strstr(begin, close);

    assert_non_null(end);
    assert_null(strstr(end, open));
    crypto_hash_sha256(hash, (const unsigned char *)begin, (size_t)(end - begin));
    memcpy(at, "sha256-", 7);
    (void)ses_base64_encode(ses_slice(hash, sizeof(hash)), at + 7);
    return at;
}

static inline void assert_page_headers(const struct ses_exchange *x)
{
    assert_slice_equal(reply_header(x, "cache-control"), "no-store");
    assert_slice_equal(reply_header(x, "referrer-policy"), "no-referrer");
    assert_slice_equal(reply_header(x, "x-content-type-options"), "nosniff");
    assert_int_equal(reply_header(x, "set-cookie").len, 0);
}

static inline int group_setup(void **state)
{
    (void)state;
    pool = door_pool(1u << 20);
    return 0;
}

static inline int group_teardown(void **state)
{
    (void)state;
    ses_exchange_pool_free(pool);
    return 0;
}

#endif
