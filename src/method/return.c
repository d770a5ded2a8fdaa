/* The route of the return URL: reads what the browser brought (return_form.h), masks it, hands it to
 * step.h, and makes a page of the outcome. Nothing that comes here may end without an answer that leads
 * on: the reader is a shopper, not a program. */
#include "return.h"

#include "return_form.h"
#include "return_frame.h"
#include "return_mask.h"
#include <sessiond/exchange/return_page.h>
#include "return_text.h"
#include "step.h"

/* One return, in its exchange's arena. */
struct reading {
    struct ses_step_return what;
    bool refused; /* it cannot be taken: page says why */
    enum ses_return_page page;
};

/* A refusal of ours (too large, HEAD, prefetch) is told only if the handle is known; else the handle's
 * own answer counts, so that a refusal says nothing about which handles exist. */
static void on_done(struct ses_exchange *x, void *arg, const struct ses_step_answer *answer)
{
    static const enum ses_return_page page_of[SES_STEP_OUTCOME_COUNT] = {
        [SES_STEP_FIRST] = SES_PAGE_BACK,          [SES_STEP_AGAIN] = SES_PAGE_BACK,
        [SES_STEP_OTHER_PAYLOAD] = SES_PAGE_OTHER, [SES_STEP_EXPIRED] = SES_PAGE_EXPIRED,
        [SES_STEP_UNKNOWN] = SES_PAGE_UNKNOWN,     [SES_STEP_UNAVAILABLE] = SES_PAGE_UNAVAILABLE,
    };
    const struct reading *reading = arg;
    bool known = answer->outcome != SES_STEP_UNKNOWN && answer->outcome != SES_STEP_UNAVAILABLE;
    enum ses_return_page page = reading->refused && known ? reading->page : page_of[answer->outcome];

    if (answer->frame && answer->location.len > 0)
        ses_return_frame_reply(x, page, answer->location);
    else
        ses_return_page_reply(x, page, answer->location);
}

/* Where the shopper belongs is still looked up: the page has a way back. */
static void refuse(struct reading *reading, enum ses_return_page page)
{
    reading->refused = true;
    reading->page = page;
    reading->what.looks_only = true;
    reading->what.parameters_count = 0;
    reading->what.query = SES_SLICE_EMPTY;
}

static bool header_says(const struct ses_exchange *x, const char *name, const char *word)
{
    struct ses_slice value = ses_exchange_header(x, name, NULL);
    size_t end = ses_slice_find(value, ';');

    return ses_slice_ieq(ses_slice_trim(ses_slice_cut(value, 0, end)), ses_slice_str(word));
}

/* A browser that fetches an address in advance: nobody has come back. Fetch, "Sec-Purpose"; the others are
 * older browsers' words for it. */
static bool is_prefetch(const struct ses_exchange *x)
{
    return header_says(x, "sec-purpose", "prefetch") || header_says(x, "purpose", "prefetch") ||
           header_says(x, "x-purpose", "preview") || header_says(x, "purpose", "preview") ||
           header_says(x, "x-moz", "prefetch");
}

/* Masking comes last and before anybody else sees the parameters: what is judged, hashed, stored and
 * shown is the masked form only. */
static enum ses_status read_form(struct ses_exchange *x, bool post, struct ses_step_return *what)
{
    struct ses_slice type = ses_exchange_header(x, "content-type", NULL);
    struct ses_return_form form;

    if (x->query.len > SES_RETURN_QUERY_BYTES_MAX)
        return SES_TOO_LARGE;
    SES_TRY(ses_return_form_init(&form, &x->arena, post ? ses_return_form_charset(type) : SES_CHARSET_NONE));
    SES_TRY(post ? ses_return_form_body(&form, type, x->body) : ses_return_form_parse(&form, x->query));
    SES_TRY(ses_return_query(x->query, &x->arena, &what->query));
    if (what->query.len > SES_RETURN_QUERY_BYTES_MAX)
        return SES_TOO_LARGE;
    what->parameters = form.parameters;
    what->parameters_count = form.count;
    return ses_return_mask(what, form.parameters, &x->arena);
}

void ses_return_start(struct ses_exchange *x, void *service)
{
    struct reading *reading = ses_arena_zalloc(&x->arena, sizeof(*reading));
    bool post = ses_slice_eq_str(x->http_method, "POST");
    enum ses_status status;

    if (reading == NULL) {
        ses_return_page_reply(x, SES_PAGE_UNAVAILABLE, SES_SLICE_EMPTY);
        return;
    }
    reading->what.handle = ses_slice_cut(x->path, sizeof(SES_RETURN_PATH) - 1, x->path.len);
    reading->what.http_method = x->http_method;
    status = read_form(x, post, &reading->what);
    if (!post && !ses_slice_eq_str(x->http_method, "GET"))
        refuse(reading, SES_PAGE_METHOD);
    else if (status == SES_TOO_LARGE)
        refuse(reading, SES_PAGE_TOO_LARGE);
    else if (status != SES_OK)
        refuse(reading, SES_PAGE_UNAVAILABLE);
    else if (is_prefetch(x) && (reading->what.parameters_count > 0 || reading->what.query.len > 0))
        refuse(reading, SES_PAGE_PREFETCH);
    /* Also when it was refused: looks_only stores nothing, but finds the way back to the shop. */
    ses_step_return_start(service, x, &reading->what, on_done, reading);
}
