#include "excess.h"

/* What is remembered is of the last so many calls, the older ones less and less. */
#define CALLS_LATELY 64u

static void count(struct ses_conn_calls *calls, bool creation, bool excess)
{
    calls->all++;
    calls->creations = (uint16_t)(calls->creations + (creation ? 1 : 0));
    calls->excess = (uint16_t)(calls->excess + (excess ? 1 : 0));
    if (calls->all < CALLS_LATELY)
        return;
    calls->all /= 2;
    calls->creations /= 2;
    calls->excess /= 2;
}

static bool is_most(const struct ses_conn_calls *calls, unsigned count)
{
    return calls->all >= CALLS_LATELY / 8 && count * 8 >= calls->all * 7u;
}

enum ses_conn_reading ses_excess_note(struct ses_conn_calls *calls, bool creation, bool excess, bool spent)
{
    count(calls, creation, excess);
    if (is_most(calls, calls->excess))
        return excess && spent ? SES_READ_LATER : SES_READ_EXCESS;
    return is_most(calls, calls->creations) ? SES_READ_LITTLE : SES_READ_FULLY;
}
