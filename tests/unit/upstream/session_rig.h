/* session_rig.h - our session and a peer, face to face: bytes from one to the other, no socket. */
#ifndef SESSIOND_TESTS_UNIT_UPSTREAM_SESSION_RIG_H
#define SESSIOND_TESTS_UNIT_UPSTREAM_SESSION_RIG_H

#include "unit.h"

#include "peer.h"
#include "session.h"

#define RIG_STREAMS_MAX      8
#define RIG_ANSWER_BYTES_MAX 65536

struct rig_stream {
    struct ses_up_stream stream;
    unsigned verdicts;
    unsigned gone;
};

struct rig {
    struct ses_up_session session;
    struct peer peer;
    struct rig_stream streams[RIG_STREAMS_MAX];
    struct ses_buf to_peer;
    struct ses_buf to_us;
    bool broken; /* our session would have cut the connection */
    bool is_lost;
};

/* Greeted by a peer with these settings. */
void rig_open(struct rig *rig, uint32_t streams_max, uint32_t window, uint32_t headers_max);
/* Nothing was said yet. */
void rig_open_silent(struct rig *rig);
void rig_close(struct rig *rig);
/* Until nobody has anything to say. */
void rig_talk(struct rig *rig);
/* Ours only: what it has to say gets to the peer. */
void rig_send(struct rig *rig);
/* What the peer has to say gets to us; broken then says what came of it. */
void rig_hear(struct rig *rig);
struct ses_up_stream *rig_submit(struct rig *rig, unsigned at, bool effect, struct ses_slice message);
void rig_lose(struct rig *rig);
/* One verdict, and the stream gone. */
void rig_ended(const struct rig *rig, unsigned at, enum ses_upstream_outcome outcome, uint32_t grpc_status,
               const char *why);
/* One verdict, and the stream still there. */
void rig_late(const struct rig *rig, unsigned at, enum ses_upstream_outcome outcome, const char *why);
void rig_open_still(const struct rig *rig, unsigned at);

#endif
