/* return_page.h - what a shopper sees at the return URL: a redirect, or a plain page that tells what to do
 * and reveals nothing.
 *
 * No page names the session, the bank or the reason in detail, nor the merchant but by the link back to its
 * URL, none sets a cookie, runs a script or loads anything. They may be shown in a frame: challenges often
 * run in one of the merchant's page, and there is nothing here to be clicked for somebody else.
 */
#ifndef SESSIOND_SRC_METHOD_RETURN_PAGE_H
#define SESSIOND_SRC_METHOD_RETURN_PAGE_H

#include <sessiond/method/exchange.h>

enum ses_return_page {
    SES_PAGE_UNREADABLE,  /* 400: what HTTP itself could not read */
    SES_PAGE_UNKNOWN,     /* 404: not a handle of ours, altered, or its session is gone */
    SES_PAGE_METHOD,      /* 405: neither GET nor POST */
    SES_PAGE_OTHER,       /* 409: this step was answered differently before */
    SES_PAGE_EXPIRED,     /* 410: its time is over */
    SES_PAGE_TOO_LARGE,   /* 413 */
    SES_PAGE_PREFETCH,    /* 425: fetched in advance, with what only the shopper may bring */
    SES_PAGE_UNAVAILABLE, /* 503: the store refuses or is too slow; loading the page again is safe */
    SES_PAGE_COUNT
};

/* [worker] Answers x with the page, and a link to location unless that is empty. */
void ses_return_page_reply(struct ses_exchange *x, enum ses_return_page page, struct ses_slice location);
/* [worker] Answers x with 303 See Other, for GET and POST alike: the browser goes on by GET, with nothing of
 * what it brought. */
void ses_return_page_redirect(struct ses_exchange *x, struct ses_slice location);

#endif
