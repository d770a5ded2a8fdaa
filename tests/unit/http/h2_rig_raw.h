/* h2_rig_raw.h - bytes straight to the server engine of h2_rig.h, and a look at the frames it wrote. */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H2_RIG_RAW_H
#define SESSIOND_TESTS_UNIT_HTTP_H2_RIG_RAW_H

#include "http/h2_rig.h"

void rig_raw(const void *bytes, size_t len);

void rig_raw_frame(uint8_t type, uint8_t flags, int32_t id, const void *payload, size_t len);

/* The client's magic and empty SETTINGS. */
void rig_raw_preface(void);

/* One HEADERS frame, ended; fields: name, value, .., NULL. */
void rig_raw_headers(int32_t id, uint8_t flags, const char *const *fields);

#define RIG_REQUEST_FIELDS                                                                                   \
    ":method", "POST", ":scheme", "http", ":path", "/t.T/Echo", ":authority", "rig", "content-type",         \
        "application/grpc"

/* RIG_REQUEST_FIELDS and nothing else. */
void rig_raw_request(int32_t id, uint8_t flags);

/* The nth frame of a type in wire (from 0): its payload; false: there are fewer. */
bool rig_frame(uint8_t type, unsigned nth, int32_t *ret_id, struct ses_slice *ret_payload);

/* How many of a type are in wire. */
unsigned rig_frames(uint8_t type);

/* Four bytes, network order. */
uint32_t rig_u32(const uint8_t *bytes);

/* The connection has ended by GOAWAY with this code. */
void rig_expect_goaway(uint32_t code);

/* The first RST_STREAM is for this stream and has this code. */
void rig_expect_reset(int32_t expected_id, uint32_t code);

#endif
