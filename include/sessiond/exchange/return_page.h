/* return_page.h - what a shopper sees at the return URL: a redirect, or a plain page that tells what to do
 * and reveals nothing.
 *
 * No page names the session, the bank or the reason in detail, nor the merchant but by the link back to its
 * URL, none sets a cookie, runs a script or loads anything. They may be shown in a frame: challenges often
 * run in one of the merchant's page, and there is nothing here to be clicked for somebody else. Where
 * BeginStep was told of the frame, return_frame.h answers instead.
 */
#ifndef SESSIOND_EXCHANGE_RETURN_PAGE_H
#define SESSIOND_EXCHANGE_RETURN_PAGE_H

#include <sessiond/exchange/exchange.h>

/* Of every page; longer where a page needs more (return_frame.c). default-src 'none' leaves nothing to load,
 * to run or to send. */
#define SES_RETURN_PAGE_CSP                                                                                  \
    "default-src 'none'; style-src 'sha256-wGnDtEf3Qk/LXNuv8MOxFYKaxmzp+WHr8Eg2W+wF0J8='; base-uri 'none'; " \
    "form-action 'none'"

enum ses_return_page {
    SES_PAGE_BACK,        /* 303: on to the shop */
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

/* [worker] Answers x with the page, and a link to location unless that is empty. SES_PAGE_BACK is 303 See
 * Other to location, for GET and POST alike: the browser goes on by GET, with nothing of what it brought. */
void ses_return_page_reply(struct ses_exchange *x, enum ses_return_page page, struct ses_slice location);

/* ---- for return_frame.c */

/* [worker] The page up to its end, link_head, location as an attribute's value, link_tail; in x's arena.
 * Empty: no memory. */
struct ses_slice ses_return_page_linked(struct ses_exchange *x, enum ses_return_page page,
                                        struct ses_slice link_head, struct ses_slice location,
                                        struct ses_slice link_tail);
/* [worker] The headers of that page, with this content security policy. */
void ses_return_page_put_headers(struct ses_exchange *x, enum ses_return_page page, struct ses_slice policy);
int ses_return_page_status(enum ses_return_page page);

#endif
