/* takeover_hook.h - what a test wants of a program that takes over: words in the file that SESSIOND_TEST_TAKEOVER
 * names, looked at each time. In builds without SES_TEST_HOOKS none is ever there.
 *
 *   hang       the trial says nothing
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
/* [supervisor] Does not return if the word hang is there. */
void ses_takeover_hook_hang(void);
#else
static inline bool ses_takeover_hook(const char *word)
{
    (void)word;
    return false;
}

static inline void ses_takeover_hook_hang(void)
{
}
#endif

#endif
