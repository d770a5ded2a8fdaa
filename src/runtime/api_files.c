/* The files as they were when this was built, each plain and packed. */
#include "api_files.h"

/* docs/api/api_files.S */
extern const char ses_api_openapi_begin[], ses_api_openapi_end[];
extern const char ses_api_openapi_gz_begin[], ses_api_openapi_gz_end[];
extern const char ses_api_page_begin[], ses_api_page_end[];
extern const char ses_api_page_gz_begin[], ses_api_page_gz_end[];

/* The page has its style in itself, and no script. */
#define POLICY                                                                                               \
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "    \
    "frame-ancestors 'none'"

static struct ses_slice between(const char *begin, const char *end)
{
    return ses_slice(begin, (size_t)(end - begin));
}

struct ses_made_body ses_api_description(void)
{
    return (struct ses_made_body){between(ses_api_openapi_begin, ses_api_openapi_end),
                                  between(ses_api_openapi_gz_begin, ses_api_openapi_gz_end)};
}

void ses_api_description_start(struct ses_exchange *x, void *arg)
{
    struct ses_made_body body = ses_api_description();

    (void)arg;
    ses_exchange_reply_made(x, "application/json", &body);
}

void ses_api_page_start(struct ses_exchange *x, void *arg)
{
    struct ses_made_body body = {between(ses_api_page_begin, ses_api_page_end),
                                 between(ses_api_page_gz_begin, ses_api_page_gz_end)};

    (void)arg;
    ses_exchange_reply_header(x, SES_STR("content-security-policy"), SES_STR(POLICY));
    ses_exchange_reply_header(x, SES_STR("x-content-type-options"), SES_STR("nosniff"));
    ses_exchange_reply_header(x, SES_STR("referrer-policy"), SES_STR("no-referrer"));
    ses_exchange_reply_made(x, "text/html; charset=utf-8", &body);
}
