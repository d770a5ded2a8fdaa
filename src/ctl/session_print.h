/* session_print.h - a sessiond.v1.SessionStory, as JSON, for people: one screen, times as RFC 3339, nothing that a
 * terminal would obey. */
#ifndef SESSIOND_SRC_CTL_SESSION_PRINT_H
#define SESSIOND_SRC_CTL_SESSION_PRINT_H

#include <jansson.h>

/* To stdout. What a newer server tells beside what is known here is passed over: --json has it. */
void ctl_session_print(const json_t *story);

#endif
