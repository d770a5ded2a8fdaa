/* acs_page.h - the simulated bank's pages. */
#ifndef SESSIOND_SRC_SIM_ACS_PAGE_H
#define SESSIOND_SRC_SIM_ACS_PAGE_H

#include <sessiond/base/buf.h>

#define ACS_CRES_MAX 512 /* the JSON text of a cres */

/* What the browser brought; printable UTF-8, term_url begins with http:// or https://. */
struct acs_challenge {
    struct ses_slice term_url;
    struct ses_slice creq;
    struct ses_slice session_data;
    struct ses_slice merchant; /* may be empty */
    struct ses_slice purchase; /* may be empty */
};

/* Each appends a whole page. SES_TOO_LARGE, SES_NO_MEMORY. wrong: the last code was not right. */
SES_MUST_CHECK enum ses_status acs_page_challenge(struct ses_buf *body, const struct acs_challenge *challenge,
                                                  bool wrong);
/* A form that posts itself to term_url. */
SES_MUST_CHECK enum ses_status acs_page_return(struct ses_buf *body, const struct acs_challenge *challenge,
                                               const char *cres);
SES_MUST_CHECK enum ses_status acs_page_fault(struct ses_buf *body);

#endif
