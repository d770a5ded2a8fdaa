/* The parts of the messages of package `types`, which create sessions. */
#define PART(name) Types__##name
#define SET(part)  ses_request_set_##part

#include "request_parts.h"
