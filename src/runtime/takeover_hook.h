/* takeover_hook.h - what a test wants of a program that takes over, or of the one before: words in the file that SESSIOND_TEST_TAKEOVER
 * names, looked at each time. In builds without SES_TEST_HOOKS none is ever there.
 *
 *   loading    sessions are loaded only when the word is gone
 *   hang       the trial says nothing while the word is there
 *   stuck      executed, it does not take over while the word is there
 *   crash      executed, it ends at once
 *   worker-0.. that worker ends when it starts
 *   layout     this program has another layout of the session table
 *   counters   this program has other counters
 *   failure    taking over fails although the trial did not
 */
#ifndef SESSIOND_SRC_RUNTIME_TAKEOVER_HOOK_H
#define SESSIOND_SRC_RUNTIME_TAKEOVER_HOOK_H

#include <stdbool.h>

#if SES_TEST_HOOKS
/* [supervisor] */
bool ses_takeover_hook(const char *word);
/* [any] Returns when the word is not there. */
void ses_takeover_hook_wait(const char *word);
/* [any] Does not return if the word is there. */
void ses_takeover_hook_end(const char *word);
#else
static inline bool ses_takeover_hook(const char *word)
{
    (void)word;
    return false;
}

static inline void ses_takeover_hook_wait(const char *word)
{
    (void)word;
}

static inline void ses_takeover_hook_end(const char *word)
{
    (void)word;
}
#endif

#endif
