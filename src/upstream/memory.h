/* memory.h - nghttp2's memory: what it copies of headers and frames is wiped when it gives it back. */
#ifndef SESSIOND_SRC_UPSTREAM_MEMORY_H
#define SESSIOND_SRC_UPSTREAM_MEMORY_H

#include <nghttp2/nghttp2.h>

/* Static. */
nghttp2_mem *ses_up_memory(void);

#endif
