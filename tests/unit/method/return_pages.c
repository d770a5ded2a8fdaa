/* A pool for one exchange at a time, and the looks at its page. */
#include "return_pages.h"

#include <sodium.h>

#include <sessiond/base/encode.h>

struct door page_door;

static struct ses_exchange_pool *pool;

struct ses_exchange *page_exchange(void)
{
    static const struct ses_route route = {.path = SES_RETURN_PATH, .kind = SES_ROUTE_PLAIN, .metric = -1};

    page_door = (struct door){.sent = 0};
    return door_exchange(pool, &page_door, &route);
}

const char *page_body(void)
{
    return (const char *)page_door.message[0];
}

struct ses_slice page_header(const struct ses_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->reply_headers_count; i++) {
        if (ses_slice_eq_str(x->reply_headers[i].name, name))
            return x->reply_headers[i].value;
    }
    return SES_SLICE_EMPTY;
}

/* What a policy calls the element ("<style>"): 'sha256-..'. The page has exactly one. */
const char *page_element_hash(const char *open, const char *close)
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
    memcpy(at, "sha256-", 8);
    (void)ses_base64_encode(ses_slice(hash, sizeof(hash)), at + 7);
    return at;
}

void assert_page_headers(const struct ses_exchange *x)
{
    assert_slice_equal(page_header(x, "cache-control"), "no-store");
    assert_slice_equal(page_header(x, "referrer-policy"), "no-referrer");
    assert_slice_equal(page_header(x, "x-content-type-options"), "nosniff");
    assert_int_equal(page_header(x, "set-cookie").len, 0);
}

int pages_setup(void **state)
{
    (void)state;
    pool = door_pool(1u << 20);
    return 0;
}

int pages_teardown(void **state)
{
    (void)state;
    ses_exchange_pool_free(pool);
    return 0;
}
