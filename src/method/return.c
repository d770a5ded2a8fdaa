/* The route of the return URL: reads what the browser brought (return_form.h), masks it, hands it to
 * step_return.h, which answers with a page. Nothing that comes here may end without an answer that leads
 * on: the reader is a shopper, not a program. */
#include "return.h"

#include <sessiond/base/parameter.h>

#include "return_form.h"
#include "return_mask.h"
#include "return_text.h"
#include "step_return.h"

/* Where the shopper belongs is still looked up: the page has a way back. */
static void refuse(struct ses_step_return *what, enum ses_return_page page)
{
    what->refused = true;
    what->page = page;
    what->parameters_count = 0;
    what->query = SES_SLICE_EMPTY;
}

static bool header_says(const struct ses_exchange *x, const char *name, const char *word)
{
    struct ses_slice value = ses_exchange_header(x, name, NULL);

    return ses_slice_ieq(ses_parameter_take_word(&value), ses_slice_str(word));
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
    struct ses_step_return what = {.handle = ses_slice_cut(x->path, sizeof(SES_RETURN_PATH) - 1, x->path.len),
                                   .http_method = x->http_method};
    bool post = ses_slice_eq_str(x->http_method, "POST");
    enum ses_status status = read_form(x, post, &what);

    if (!post && !ses_slice_eq_str(x->http_method, "GET"))
        refuse(&what, SES_PAGE_METHOD);
    else if (status == SES_TOO_LARGE)
        refuse(&what, SES_PAGE_TOO_LARGE);
    else if (status != SES_OK)
        refuse(&what, SES_PAGE_UNAVAILABLE);
    else if (is_prefetch(x) && (what.parameters_count > 0 || what.query.len > 0))
        refuse(&what, SES_PAGE_PREFETCH);
    /* Also when it was refused: a refused one stores nothing, but finds the way back to the shop. */
    ses_step_return_start(service, x, &what);
}
