/* connect_end.h - how a Connect stream ends (Connect protocol, "EndStreamResponse"): {"error":..,"metadata":..}. */
#ifndef SESSIOND_SRC_HTTP_CONNECT_END_H
#define SESSIOND_SRC_HTTP_CONNECT_END_H

#include <sessiond/exchange/exchange.h>

#define SES_CONNECT_END_OUT_OF_MEMORY                                                                        \
    "{\"error\":{\"code\":\"resource_exhausted\",\"message\":\"out of memory\"}}"

/* [worker] error NULL: all went well. The trailers' values are as they travel; one that is no UTF-8 is left out. Into
 * the arena, or a literal when that is full. */
struct ses_slice ses_connect_end_encode(const struct ses_error *error, const struct ses_header *trailers,
                                        size_t count, struct ses_arena *arena);

#endif
