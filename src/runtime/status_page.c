/* The files of the page, as they were when this was built. */
#include "status_page.h"

/* status_page_files.S */
extern const char ses_page_html_begin[], ses_page_html_end[];
extern const char ses_page_css_begin[], ses_page_css_end[];
extern const char ses_page_js_begin[], ses_page_js_end[];

/* The only inline thing is the icon, a data: URL. */
#define POLICY                                                                                               \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "           \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

static const struct {
    const char *path;
    const char *type;
    const char *begin;
    const char *end;
} files[] = {
    {"/", "text/html; charset=utf-8", ses_page_html_begin, ses_page_html_end},
    {"/status.css", "text/css; charset=utf-8", ses_page_css_begin, ses_page_css_end},
    {"/status.js", "text/javascript; charset=utf-8", ses_page_js_begin, ses_page_js_end},
};

/* no-cache: an upgraded server's page must not be drawn by the old one's script. */
static void put_headers(struct ses_exchange *x)
{
    ses_exchange_reply_header(x, SES_STR("content-security-policy"), SES_STR(POLICY));
    ses_exchange_reply_header(x, SES_STR("x-content-type-options"), SES_STR("nosniff"));
    ses_exchange_reply_header(x, SES_STR("referrer-policy"), SES_STR("no-referrer"));
    ses_exchange_reply_header(x, SES_STR("cache-control"), SES_STR("no-cache"));
}

void ses_status_page_reply(struct ses_exchange *x)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (!ses_slice_eq_str(x->path, files[i].path))
            continue;
        put_headers(x);
        ses_exchange_reply_raw(x, 200, files[i].type,
                               ses_slice(files[i].begin, (size_t)(files[i].end - files[i].begin)));
        return;
    }
    ses_exchange_reply_raw(x, 404, "text/plain; charset=utf-8", SES_STR("not found\n"));
}
