/* step_pages.h - the return of a browser through a step's handle, as step_return.h takes it, and its page. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_STEP_PAGES_H
#define SESSIOND_TESTS_UNIT_METHOD_STEP_PAGES_H

#include "method/session_calls.h"
#include "step_return.h"

/* It must be answered with this page (303: to BACK_URL), and written down or not. */
void returns(struct core *core, const struct ses_step_return *what, int page, bool written);
/* The same of a POST with the field "cres". */
void come_back(struct core *core, const char *handle, const char *cres, int page, bool written);

#endif
