/* return_pages.h - one exchange of the return URL and a look at the page that answered it. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_RETURN_PAGES_H
#define SESSIOND_TESTS_UNIT_METHOD_RETURN_PAGES_H

#include "exchange/door.h"

#include <sessiond/exchange/return_page.h>
#include <sessiond/exchange/return_refusal.h>

/* Of the newest exchange. */
extern struct door page_door;

/* cmocka's, of a group. */
int pages_setup(void **state);
int pages_teardown(void **state);

/* A new one; the caller releases it. */
struct ses_exchange *page_exchange(void);

const char *page_body(void);
/* Empty: none of that name. */
struct ses_slice page_header(const struct ses_exchange *x, const char *name);
/* What a policy calls the element ("<style>"): 'sha256-..'. The page has exactly one. Good until the call
 * after the next. */
const char *page_element_hash(const char *open, const char *close);
void assert_page_headers(const struct ses_exchange *x);

#endif
