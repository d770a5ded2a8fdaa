/* The libuv handles of a loop's connections: struct ses_conns lives until the last of them is closed. */
#include "conn_impl.h"

#include <stdlib.h>

void ses_conns_handle_closed(struct ses_conns *conns)
{
    if (--conns->handles > 0)
        return;
    ses_buf_done(&conns->out);
    ses_buf_done(&conns->plain);
    ses_buf_done(&conns->turn_tls.records);
    ses_sources_free(conns->sources);
    free(conns);
}
