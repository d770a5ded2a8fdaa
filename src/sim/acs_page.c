/* The bank's pages, in the look of none. Everything the browser brought is escaped: the pages are for real
 * browsers. */
#include "acs_page.h"

#define STYLE                                                                                                \
    "*{box-sizing:border-box}"                                                                               \
    "body{margin:0;min-height:100vh;background:#eef3f0;color:#14261d;display:flex;align-items:center;"       \
    "justify-content:center;padding:1.5rem;"                                                                 \
    "font:1.0625rem/1.55 system-ui,'Segoe UI',Roboto,Arial,sans-serif}"                                      \
    "main{width:100%;max-width:26rem;background:#fff;border-radius:1rem;overflow:hidden;"                    \
    "box-shadow:0 12px 32px rgba(10,50,30,.12)}"                                                             \
    "header{background:#0b5d3b;color:#fff;padding:1.1rem 1.75rem;display:flex;"                              \
    "justify-content:space-between;align-items:center;font-weight:650}"                                      \
    "header span{font-size:.8rem;font-weight:400}"                                                           \
    "section{padding:1.6rem 1.75rem 1.9rem}h1{font-size:1.25rem;line-height:1.3;margin:0 0 .75rem}"          \
    "p{margin:0 0 1rem}dl{margin:0 0 1.25rem;display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}"   \
    "dt{color:#4b5f55}dd{margin:0;text-align:right;font-weight:600}"                                         \
    "label{display:block;font-weight:600;margin:0 0 .35rem}"                                                 \
    "input[type=text]{width:100%;font:inherit;font-size:1.35rem;letter-spacing:.3em;padding:.6rem .8rem;"    \
    "border:2px solid #7d9488;border-radius:.6rem;margin:0 0 1.1rem}"                                        \
    "input:focus,button:focus-visible{outline:3px solid #6fc39b;outline-offset:2px}"                         \
    "button{width:100%;font:inherit;font-weight:600;padding:.75rem;border-radius:.6rem;"                     \
    "border:2px solid #0b5d3b;background:#0b5d3b;color:#fff;cursor:pointer;margin:0 0 .7rem}"                \
    "button.quiet{background:#fff;color:#0b5d3b;margin:0}"                                                   \
    ".error{background:#fdeaea;color:#8d1212;border-radius:.6rem;padding:.6rem .9rem}"                       \
    ".hint{color:#4b5f55;font-size:.9rem;margin:1.1rem 0 0}"

#define HEAD(title)                                                                                          \
    "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"                                \
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" title                \
    "</title>\n<style>" STYLE "</style>\n</head>\n<body>\n<main>\n"                                          \
    "<header>Example Bank <span>Simulated</span></header>\n<section>\n"
#define TAIL "</section>\n</main>\n</body>\n</html>\n"

static enum ses_status append_escaped(struct ses_buf *body, struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'')
            SES_TRY(ses_buf_appendf(body, "&#%u;", c));
        else
            SES_TRY(ses_buf_append_byte(body, c));
    }
    return SES_OK;
}

static enum ses_status append_hidden(struct ses_buf *body, const char *name, struct ses_slice value)
{
    SES_TRY(ses_buf_appendf(body, "<input type=\"hidden\" name=\"%s\" value=\"", name));
    SES_TRY(append_escaped(body, value));
    return ses_buf_append_str(body, "\">\n");
}

static enum ses_status append_fact(struct ses_buf *body, const char *name, struct ses_slice value)
{
    if (value.len == 0)
        return SES_OK;
    SES_TRY(ses_buf_appendf(body, "<dt>%s</dt><dd>", name));
    SES_TRY(append_escaped(body, value));
    return ses_buf_append_str(body, "</dd>\n");
}

/* The page keeps the challenge in hidden fields, the simulator keeps nothing. */
static enum ses_status append_state(struct ses_buf *body, const struct acs_challenge *challenge)
{
    SES_TRY(append_hidden(body, "termUrl", challenge->term_url));
    SES_TRY(append_hidden(body, "creq", challenge->creq));
    SES_TRY(append_hidden(body, "threeDSSessionData", challenge->session_data));
    SES_TRY(append_hidden(body, "merchantName", challenge->merchant));
    return append_hidden(body, "purchase", challenge->purchase);
}

enum ses_status acs_page_challenge(struct ses_buf *body, const struct acs_challenge *challenge, bool wrong)
{
    SES_TRY(ses_buf_append_str(body, HEAD("Confirm your payment") "<h1>Confirm your payment</h1>\n<dl>\n"));
    SES_TRY(append_fact(body, "Shop", challenge->merchant));
    SES_TRY(append_fact(body, "Amount", challenge->purchase));
    SES_TRY(ses_buf_append_str(body, "</dl>\n"));
    if (wrong)
        SES_TRY(ses_buf_append_str(
            body, "<p class=\"error\" role=\"alert\">That code is not right. Please try again.</p>\n"));
    SES_TRY(ses_buf_append_str(body, "<form method=\"post\" action=\"/acs/answer\" autocomplete=\"off\">\n"));
    SES_TRY(append_state(body, challenge));
    return ses_buf_append_str(
        body,
        "<label for=\"code\">Code from your banking app</label>\n"
        "<input type=\"text\" id=\"code\" name=\"code\" inputmode=\"numeric\" maxlength=\"8\" autofocus>\n"
        "<button type=\"submit\">Confirm payment</button>\n"
        "<button type=\"submit\" class=\"quiet\" name=\"refuse\" value=\"1\">Refuse payment</button>\n"
        "</form>\n<p class=\"hint\">This is a simulation: the code is 1234.</p>\n" TAIL);
}

enum ses_status acs_page_return(struct ses_buf *body, const struct acs_challenge *challenge, const char *cres)
{
    SES_TRY(ses_buf_append_str(
        body, HEAD("Back to the shop") "<h1>Thank you</h1>\n<p>We are taking you back to the shop.</p>\n"
                                       "<form id=\"back\" method=\"post\" action=\""));
    SES_TRY(append_escaped(body, challenge->term_url));
    SES_TRY(ses_buf_append_str(body, "\">\n"));
    SES_TRY(append_hidden(body, "cres", ses_slice_str(cres)));
    SES_TRY(append_hidden(body, "threeDSSessionData", challenge->session_data));
    return ses_buf_append_str(
        body, "<noscript><button type=\"submit\">Back to the shop</button></noscript>\n</form>\n"
              "<script>document.getElementById('back').submit()</script>\n" TAIL);
}

enum ses_status acs_page_fault(struct ses_buf *body)
{
    return ses_buf_append_str(
        body, HEAD("Something is missing") "<h1>Something is missing</h1>\n"
                                           "<p>The shop sent an incomplete request. Please "
                                           "go back to the shop and try again.</p>\n"
                                           "<p class=\"hint\">For who makes the shop: docs/sandbox.md "
                                           "tells the fields. Needed are termUrl and creq.</p>\n" TAIL);
}
