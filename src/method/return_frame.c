/* The page for a return inside a frame: a fixed text with one escaped attribute, and a policy with one
 * origin. */
#include "return_frame.h"

#include <sessiond/exchange/return_refusal.h>

#include "return_url.h"

/* No outcome, no message: the page was fetched in advance, or the bank's answer may still come. The hash
 * below is of exactly these bytes; a unit test computes it. */
#define SCRIPT                                                                                               \
    "(function(){var a=document.getElementById(\"back\"),o=a.getAttribute(\"data-outcome\");"                \
    "if(window.parent!==window){if(o)window.parent.postMessage("                                             \
    "{type:\"sessiond.return\",outcome:o,return_url:a.getAttribute(\"href\")},a.origin)}"                    \
    "else if(o===\"returned\")window.location.replace(a.href)})()"
#define CSP                                                                                                  \
    SES_RETURN_PAGE_CSP "; script-src 'sha256-oIq92eKLJSbD//od6JotZBvPfnYjthX7cONxs9VP6Gw='; "               \
                        "frame-ancestors "

/* target=_top: without script the link leads the whole window to the shop, not the frame. */
#define LINK_HEAD "<p><a id=\"back\" target=\"_top\" data-outcome=\"%s\" href=\""
#define LINK_TAIL "\">Continue to the shop</a></p>\n</main>\n<script>" SCRIPT "</script>\n</body>\n</html>\n"

/* Pages that end nothing say nothing: the parent must not take them for the end of the step. */
static const char *outcome_of(enum ses_return_page page)
{
    switch (page) {
    case SES_PAGE_BACK:
        return "returned";
    case SES_PAGE_OTHER:
        return "already_answered";
    case SES_PAGE_EXPIRED:
        return "expired";
    case SES_PAGE_TOO_LARGE:
        return "refused";
    case SES_PAGE_UNREADABLE:
    case SES_PAGE_UNKNOWN:
    case SES_PAGE_METHOD:
    case SES_PAGE_PREFETCH:
    case SES_PAGE_UNAVAILABLE:
    case SES_PAGE_COUNT:
    default:
        return "";
    }
}

void ses_return_frame_reply(struct ses_exchange *x, enum ses_return_page page, struct ses_slice location)
{
    /* The origin goes into a header unescaped. BeginStep let only hosts through that a policy can name
     * (ses_return_url_framable), and the URL is the merchant's, fixed by then. */
    struct ses_slice origin = ses_return_url_origin(location), body = SES_SLICE_EMPTY;
    const char *policy = ses_arena_printf(&x->arena, CSP "%.*s", SES_FMT(origin));
    const char *head = ses_arena_printf(&x->arena, LINK_HEAD, outcome_of(page));

    if (policy != NULL && head != NULL)
        body = ses_return_page_linked(x, page, ses_slice_str(head), location, SES_STR(LINK_TAIL));
    if (body.len == 0) {
        ses_return_page_reply(x, SES_PAGE_UNAVAILABLE, SES_SLICE_EMPTY); /* loading it again is safe */
        return;
    }
    ses_return_page_put_headers(x, page, ses_slice_str(policy));
    ses_exchange_reply_raw(x, page == SES_PAGE_BACK ? 200 : ses_return_page_status(page),
                           SES_RETURN_PAGE_TYPE, body);
}
