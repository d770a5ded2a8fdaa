/* What an enveloped call holds beside its exchange's arena. A message that is being handed out lies in it: then it is
 * given back by who reads. */
#include "envelope.h"

void ses_envelope_forget(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);

    e->done = true;
    if (e->reading)
        return;
    ses_grpc_reader_done(&e->reader);
    ses_buf_done(&e->waiting);
}
