/* requests.h - what a client says next. */
#ifndef SESSIOND_TESTS_MODEL_REQUESTS_H
#define SESSIOND_TESTS_MODEL_REQUESTS_H

#include "client.h"

/* One of weights' methods, or one of before again. */
struct model_request request_draw(struct world *world, struct subject *subject, const unsigned *weights);

#endif
