/* The pages of the return URL, as constants: nothing is put together at run time but the link to the
 * shop. They are texts for people who do not know that this server exists. */
#include <sessiond/exchange/return_page.h>

#include <sessiond/exchange/return_refusal.h>

/* Colours have a contrast of at least 7:1 in both schemes (WCAG 2.1, 1.4.6). The hash in SES_RETURN_PAGE_CSP
 * is of exactly these bytes; a unit test computes it. */
#define STYLE                                                                                                \
    "*{box-sizing:border-box}"                                                                               \
    "body{margin:0;min-height:100vh;display:flex;align-items:center;justify-content:center;padding:1.5rem;"  \
    "background:#f2f4f8;color:#1b2333;"                                                                      \
    "font:1.0625rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}"        \
    "main{width:100%;max-width:30rem;background:#fff;border-radius:1rem;padding:2.25rem 2rem;"               \
    "box-shadow:0 1px 2px rgba(20,30,60,.08),0 12px 32px rgba(20,30,60,.08)}"                                \
    "svg{display:block;width:3rem;height:3rem;margin:0 0 1.25rem}"                                           \
    "h1{margin:0 0 .75rem;font-size:1.4rem;line-height:1.3;font-weight:650}"                                 \
    "p{margin:0 0 .75rem}p:last-child{margin:0;color:#454f63}a{color:#1746a2}"                               \
    "@media(prefers-color-scheme:dark){body{background:#10141c;color:#eef1f7}"                               \
    "main{background:#1a202c;box-shadow:none}p:last-child{color:#b9c1d1}a{color:#a9c4ff}}"

#define HEAD(title)                                                                                          \
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"                                \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"                             \
    "<meta name=\"robots\" content=\"noindex\">\n"                                                           \
    "<title>" title "</title>\n<style>" STYLE "</style>\n</head>\n<body>\n<main>\n"
#define ICON_CLOCK                                                                                           \
    "<svg viewBox=\"0 0 48 48\" aria-hidden=\"true\">"                                                       \
    "<circle cx=\"24\" cy=\"24\" r=\"22\" fill=\"#e3ebfb\"/>"                                                \
    "<path d=\"M24 13v11l7 5\" fill=\"none\" stroke=\"#1746a2\" stroke-width=\"3\" "                         \
    "stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>\n"
#define ICON_NOTICE                                                                                          \
    "<svg viewBox=\"0 0 48 48\" aria-hidden=\"true\">"                                                       \
    "<circle cx=\"24\" cy=\"24\" r=\"22\" fill=\"#fdf0d5\"/>"                                                \
    "<path d=\"M24 13v13M24 33v.5\" fill=\"none\" stroke=\"#8a5200\" stroke-width=\"3.5\" "                  \
    "stroke-linecap=\"round\"/></svg>\n"
#define ICON_ARROW                                                                                           \
    "<svg viewBox=\"0 0 48 48\" aria-hidden=\"true\">"                                                       \
    "<circle cx=\"24\" cy=\"24\" r=\"22\" fill=\"#e3ebfb\"/>"                                                \
    "<path d=\"M15 24h17m-7-7 7 7-7 7\" fill=\"none\" stroke=\"#1746a2\" stroke-width=\"3\" "                \
    "stroke-linecap=\"round\" stroke-linejoin=\"round\"/></svg>\n"
/* A page without its TAIL can be continued: ses_return_page_linked cuts it off and puts the link before
 * it. */
#define TAIL "</main>\n</body>\n</html>\n"
/* The title is the heading too: the one sentence that must be read. */
#define PAGE(icon, title, text, advice)                                                                      \
    HEAD(title) icon "<h1>" title "</h1>\n<p>" text "</p>\n<p>" advice "</p>\n" TAIL

#define BACK_TO_SHOP "Please go back to the shop to see how your order stands."

static const struct {
    int http_status;
    struct ses_slice body;
} pages[SES_PAGE_COUNT] = {
    /* For a browser that does not follow redirects by itself. */
    [SES_PAGE_BACK] = {303, SES_STR_INIT(HEAD("Back to the shop") ICON_ARROW
                                         "<h1>Back to the shop</h1>\n"
                                         "<p>Your bank\xe2\x80\x99s answer has arrived.</p>\n" TAIL)},
    [SES_PAGE_UNREADABLE] =
        {400, SES_STR_INIT(PAGE(
                  ICON_NOTICE, "We could not read this answer",
                  "What your bank\xe2\x80\x99s page sent to us could not be read, so nothing was changed.",
                  BACK_TO_SHOP))},
    [SES_PAGE_UNKNOWN] = {404,
                          SES_STR_INIT(PAGE(ICON_NOTICE, "This link is not valid",
                                            "It may be incomplete, or it belongs to a payment that is over.",
                                            BACK_TO_SHOP))},
    [SES_PAGE_METHOD] = {405,
                         SES_STR_INIT(PAGE(ICON_NOTICE, "This page cannot be used that way",
                                           "It is only a stop on the way from your bank back to the shop.",
                                           BACK_TO_SHOP))},
    [SES_PAGE_OTHER] = {409,
                        SES_STR_INIT(PAGE(
                            ICON_NOTICE, "This step is already done",
                            "Your bank\xe2\x80\x99s answer reached us before, and a different one came now. "
                            "The first one counts; nothing was changed.",
                            BACK_TO_SHOP))},
    [SES_PAGE_EXPIRED] = {410,
                          SES_STR_INIT(PAGE(
                              ICON_CLOCK, "The time for this step is over",
                              "Confirming the payment took too long, or the payment was ended meanwhile.",
                              BACK_TO_SHOP))},
    [SES_PAGE_TOO_LARGE] =
        {413,
         SES_STR_INIT(PAGE(ICON_NOTICE, "This answer is too large",
                           "Your bank\xe2\x80\x99s page sent more than we accept, so nothing was changed.",
                           BACK_TO_SHOP))},
    [SES_PAGE_PREFETCH] = {425, SES_STR_INIT(PAGE(ICON_CLOCK, "One moment, please",
                                                  "This page was opened in advance, so nothing was changed.",
                                                  "It goes on as soon as it is really opened."))},
    [SES_PAGE_UNAVAILABLE] =
        {503, SES_STR_INIT(PAGE(
                  ICON_CLOCK, "One moment, please", "We cannot take your bank\xe2\x80\x99s answer just now.",
                  "Please reload this page in a few seconds. That is safe: the payment is not repeated."))},
};

/* Nothing of these pages may be kept, and the next page must not learn this one's address: it carries
 * the step handle. nosniff: the pages are what they say they are. */
static const struct ses_header page_headers[SES_RETURN_PAGE_HEADERS_MAX] = {
    {SES_STR_INIT("cache-control"), SES_STR_INIT("no-store")},
    {SES_STR_INIT("referrer-policy"), SES_STR_INIT("no-referrer")},
    {SES_STR_INIT("content-security-policy"), SES_STR_INIT(SES_RETURN_PAGE_CSP)},
    {SES_STR_INIT("x-content-type-options"), SES_STR_INIT("nosniff")},
};

/* retry-after where reloading helps, allow as 405 demands (RFC 9110, section 15.5.6). */
void ses_return_page_put_headers(struct ses_exchange *x, enum ses_return_page page, struct ses_slice policy)
{
    for (size_t i = 0; i < SES_RETURN_PAGE_HEADERS_MAX; i++) {
        bool is_policy = ses_slice_eq_str(page_headers[i].name, "content-security-policy");

        ses_exchange_reply_header(x, page_headers[i].name, is_policy ? policy : page_headers[i].value);
    }
    if (page == SES_PAGE_UNAVAILABLE)
        ses_exchange_reply_header(x, SES_STR("retry-after"), SES_STR("2"));
    if (page == SES_PAGE_METHOD)
        ses_exchange_reply_header(x, SES_STR("allow"), SES_STR("GET, POST"));
}

/* ---- refusals of HTTP's own ---------------------------------------------------------------------- */

bool ses_return_path_check(struct ses_slice path)
{
    return ses_slice_starts(path, SES_STR(SES_RETURN_PATH));
}

const struct ses_header *ses_return_page_headers(void)
{
    return page_headers;
}

/* HTTP's own refusals at /r/ (a head that is too large, a method it does not know) as pages: there the
 * reader is the shopper too. */
struct ses_slice ses_return_refusal_body(int http_status)
{
    switch (http_status) {
    case 404:
        return pages[SES_PAGE_UNKNOWN].body;
    case 405:
    case 501:
        return pages[SES_PAGE_METHOD].body;
    case 413:
    case 414:
    case 431:
        return pages[SES_PAGE_TOO_LARGE].body;
    case 408:
    case 429:
    case 503:
    case 504:
        return pages[SES_PAGE_UNAVAILABLE].body;
    default:
        return pages[SES_PAGE_UNREADABLE].body;
    }
}

/* ---- with a link, the last paragraph ------------------------------------------------------------ */

/* As an attribute's value; longest escape: six bytes for one. Quotes of both kinds: the value stands in
 * double ones today. */
static size_t escape(struct ses_slice text, uint8_t *ret_bytes)
{
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        struct ses_slice s = c == '&'    ? SES_STR("&amp;")
                             : c == '<'  ? SES_STR("&lt;")
                             : c == '>'  ? SES_STR("&gt;")
                             : c == '"'  ? SES_STR("&quot;")
                             : c == '\'' ? SES_STR("&#39;")
                                         : ses_slice(&text.data[i], 1);

        memcpy(ret_bytes + len, s.data, s.len);
        len += s.len;
    }
    return len;
}

struct ses_slice ses_return_page_linked(struct ses_exchange *x, enum ses_return_page page,
                                        struct ses_slice link_head, struct ses_slice location,
                                        struct ses_slice link_tail)
{
    struct ses_slice text = pages[page].body;
    size_t len = text.len - (sizeof(TAIL) - 1);
    /* Six bytes is the longest escape, &quot;. */
    uint8_t *bytes = ses_arena_alloc(&x->arena, len + link_head.len + 6 * location.len + link_tail.len);

    if (bytes == NULL)
        return SES_SLICE_EMPTY;
    memcpy(bytes, text.data, len);
    memcpy(bytes + len, link_head.data, link_head.len);
    len += link_head.len;
    len += escape(location, bytes + len);
    memcpy(bytes + len, link_tail.data, link_tail.len);
    return ses_slice(bytes, len + link_tail.len);
}

/* Without memory the page is enough, and of a redirect its header. */
static struct ses_slice page_body(struct ses_exchange *x, enum ses_return_page page,
                                  struct ses_slice location)
{
    struct ses_slice body = SES_SLICE_EMPTY;

    if (location.len > 0)
        body = ses_return_page_linked(x, page, SES_STR("<p><a href=\""), location,
                                      SES_STR("\">Continue to the shop</a></p>\n" TAIL));
    return body.len > 0 ? body : pages[page].body;
}

int ses_return_page_status(enum ses_return_page page)
{
    return pages[page].http_status;
}

void ses_return_page_reply(struct ses_exchange *x, enum ses_return_page page, struct ses_slice location)
{
    ses_return_page_put_headers(x, page, SES_STR(SES_RETURN_PAGE_CSP));
    if (page == SES_PAGE_BACK)
        ses_exchange_reply_header(x, SES_STR("location"), location);
    ses_exchange_reply_raw(x, pages[page].http_status, SES_RETURN_PAGE_TYPE, page_body(x, page, location));
}
