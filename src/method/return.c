#include "return.h"

#include "return_form.h"
#include "return_mask.h"
#include "return_page.h"
#include "step.h"

static void on_done(struct ses_exchange *x, void *arg, const struct ses_step_answer *answer)
{
    static const enum ses_return_page page_of[SES_STEP_OUTCOME_COUNT] = {
        [SES_STEP_OTHER_PAYLOAD] = SES_PAGE_OTHER,
        [SES_STEP_EXPIRED] = SES_PAGE_EXPIRED,
        [SES_STEP_UNKNOWN] = SES_PAGE_UNKNOWN,
        [SES_STEP_UNAVAILABLE] = SES_PAGE_UNAVAILABLE,
    };

    (void)arg;
    if (answer->outcome == SES_STEP_FIRST || answer->outcome == SES_STEP_AGAIN)
        ses_return_page_redirect(x, answer->location);
    else
        ses_return_page_reply(x, page_of[answer->outcome]);
}

static enum ses_return_page page_of_fault(enum ses_status status)
{
    if (status == SES_TOO_LARGE)
        return SES_PAGE_TOO_LARGE;
    return status == SES_MALFORMED ? SES_PAGE_UNREADABLE : SES_PAGE_UNAVAILABLE;
}

/* Some banks send an empty POST without a type. */
static bool is_readable(const struct ses_exchange *x)
{
    return x->body.len == 0 || ses_return_form_type(ses_exchange_header(x, "content-type", NULL));
}

void ses_return_start(struct ses_exchange *x, void *service)
{
    bool post = ses_slice_eq_str(x->http_method, "POST");
    struct ses_step_return what = {.handle = ses_slice_cut(x->path, sizeof(SES_RETURN_PATH) - 1, x->path.len),
                                   .http_method = x->http_method,
                                   .query = x->query};
    struct ses_return_parameter *parameters = NULL;
    enum ses_status status = SES_TOO_LARGE;

    if (!post && !ses_slice_eq_str(x->http_method, "GET")) {
        ses_return_page_reply(x, SES_PAGE_METHOD);
        return;
    }
    if (post && !is_readable(x)) {
        ses_return_page_reply(x, SES_PAGE_MEDIA_TYPE);
        return;
    }
    if (x->query.len <= SES_RETURN_QUERY_BYTES_MAX)
        status =
            ses_return_form_parse(post ? x->body : x->query, &x->arena, &parameters, &what.parameters_count);
    what.parameters = parameters;
    if (status == SES_OK)
        status = ses_return_mask(&what, parameters, &x->arena);
    if (status != SES_OK) {
        ses_return_page_reply(x, page_of_fault(status));
        return;
    }
    ses_step_return_start(service, x, &what, on_done, NULL);
}
