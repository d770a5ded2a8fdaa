/* The parts of the messages of package `sessiond.v1`, which continue sessions. */
#define PART(name) Sessiond__V1__##name
#define SET(part)  ses_request_set_v1_##part

#include "request_parts.h"
