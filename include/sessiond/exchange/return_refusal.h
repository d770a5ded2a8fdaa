/* return_refusal.h - what a shopper sees when HTTP itself refuses a request to the return URL: a page, as
 * everything at that address is, never JSON. There is no link on it: without a whole request nobody knows the
 * session. */
#ifndef SESSIOND_EXCHANGE_RETURN_REFUSAL_H
#define SESSIOND_EXCHANGE_RETURN_REFUSAL_H

#include <sessiond/exchange/exchange.h>

#define SES_RETURN_PATH             "/r/"
#define SES_RETURN_PAGE_TYPE        "text/html; charset=utf-8"
#define SES_RETURN_PAGE_HEADERS_MAX 4

/* [any] Does the path (or what has come of it) belong to the return URL? */
bool ses_return_path_check(struct ses_slice path);
/* [any] The page for that HTTP status; static storage. */
struct ses_slice ses_return_refusal_body(int http_status);
/* [any] Headers of every page beside its content-type; static storage. */
const struct ses_header *ses_return_page_headers(void);

#endif
