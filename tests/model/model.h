/* model.h - what a session service must answer, told a second time from README and session.proto, without a look
 * at src/domain: a small state of one merchant_session_id, and for each call the one right answer and the state
 * after it. Pure.
 *
 * Glossary
 *   subject   one merchant_session_id with all that was ever called for it
 *   state     what is stored of it, as far as a caller can tell
 *   request   what a client says; two of the same bytes are the same request
 *   told      what it got for it
 *
 * Time stands while a round is played (play.h): every state has the round's begin as its clock.
 */
#ifndef SESSIOND_TESTS_MODEL_MODEL_H
#define SESSIOND_TESTS_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The service's, as core_fixture.h opens it. */
#define MODEL_TTL_MS     UINT64_C(900000)
#define MODEL_CLOSED_MS  UINT64_C(3600000)
#define MODEL_STEP_MS    UINT64_C(900000)
#define MODEL_INBOX_MS   UINT64_C(600000)
#define MODEL_OVERLAP_MS UINT64_C(60000)

enum model_status {
    MODEL_OPEN = 1,
    MODEL_AUTHENTICATING,
    MODEL_REDIRECTED,
    MODEL_RETURNED,
    MODEL_PROCESSING,
    MODEL_COMPLETED,
    MODEL_FAILED,
    MODEL_EXPIRED,
    MODEL_REVOKED
};

enum model_event {
    MODEL_NO_EVENT,
    MODEL_AUTHENTICATION_STARTED,
    MODEL_REDIRECT_STARTED,
    MODEL_BROWSER_RETURNED,
    MODEL_CHALLENGE_PASSED,
    MODEL_PROCESSING_STARTED,
    MODEL_COMPLETE,
    MODEL_FAIL,
    MODEL_STEP_CANCELLED,
    MODEL_STEP_TIMED_OUT,
    MODEL_REVOKE,
    MODEL_EXPIRE,
    MODEL_ATTEMPT_FAILED,
    MODEL_EVENTS
};

enum model_outcome { MODEL_NO_OUTCOME, MODEL_APPLIED, MODEL_LATE, MODEL_DUPLICATE, MODEL_KEPT };

#define MODEL_HISTORY 16
#define MODEL_PAST    4
#define MODEL_INBOX   8
#define MODEL_GONE    48

struct model_row {
    uint64_t version;
    uint16_t id; /* 0: none */
    uint8_t event;
    uint8_t outcome;
    uint8_t unused[4];
};

struct model_past {
    uint16_t step;    /* the event id of its BeginStep */
    uint8_t returned; /* 0: nothing came back; else which payload */
    uint8_t timed_out;
};

struct model_early {
    uint64_t until_ms;
    uint32_t amount; /* 0: none was told */
    uint16_t id;
    uint8_t event;
    uint8_t unused;
};

/* Compared and hashed by its bytes: made of zeros first, no padding. */
struct model_state {
    uint64_t session;      /* eight bytes of its id; 0: nobody was told yet */
    uint64_t last_session; /* of the name before */
    uint64_t version;
    uint64_t written_by; /* the request that made this version and would be refused for it; 0: none */
    uint64_t own_end_ms;
    uint64_t step_end_ms;
    uint64_t overlap_end_ms;
    struct model_early inbox[MODEL_INBOX];
    struct model_row history[MODEL_HISTORY];
    struct model_past past[MODEL_PAST];
    struct {
        uint16_t id;
        uint16_t event;
    } gone[MODEL_GONE]; /* applied, and not in the history any more */
    uint32_t generation;
    uint32_t previous; /* generation; 0: none is accepted beside it */
    uint32_t amount;
    uint16_t text;
    uint16_t customer;
    uint16_t payload_text; /* what a repeated CreateSessionToken has to say .. */
    uint16_t attempts;
    uint16_t step;       /* open one of BeginStep: its event id; 0: none, or without a handle */
    uint16_t step_begun; /* event id that began the open step */
    uint16_t back_step;  /* whose return is shown; 0: none */
    uint8_t back_payload;
    uint8_t payload_text_optional; /* .. or may leave out */
    uint8_t there;                 /* a session; else events that wait, or nothing */
    uint8_t status;
    uint8_t step_open;
    uint8_t late_success;
    uint8_t inbox_count;
    uint8_t history_count;
    uint8_t past_count;
    uint8_t gone_count;
    uint8_t unused[4];
};
_Static_assert(sizeof(struct model_state) ==
                   7 * 8 + MODEL_INBOX * 16 + MODEL_HISTORY * 16 + MODEL_PAST * 4 + MODEL_GONE * 4 + 40,
               "no padding");

enum model_method {
    MODEL_CREATE,
    MODEL_ADVANCE,
    MODEL_UPDATE,
    MODEL_BEGIN,
    MODEL_RETURN,
    MODEL_REVOKE_CALL,
    MODEL_GET,
    MODEL_WATCH,
    MODEL_METHODS
};

/* Numbers stand for texts: event id 7 is "e7", text 7 is "text-7". 0: not given. */
struct model_request {
    uint64_t expected_version;
    uint64_t from_version;
    uint32_t amount;
    uint32_t step_seconds;
    uint16_t token; /* place in the subject's list, from 1; 0: none */
    uint16_t handle;
    uint16_t event_id;
    uint16_t text;
    uint16_t customer;
    uint8_t method;
    uint8_t event;
    uint8_t payload; /* of a return; 0: the bare address */
    uint8_t renew;   /* asks for a token */
    uint8_t unused[10];
};
_Static_assert(sizeof(struct model_request) == 48, "no padding: it is hashed");

/* A session as an answer tells it. */
struct model_view {
    uint64_t session;
    uint64_t version;
    struct model_row history[MODEL_HISTORY];
    uint32_t generation;
    uint32_t amount;
    uint32_t next_events; /* bits */
    uint32_t attempts;
    uint16_t text, customer, back_step, step;
    uint8_t back_payload;
    uint8_t status;
    uint8_t step_open;
    uint8_t late_success;
    uint8_t history_count;
    bool never_ends;
    bool there;
};

enum model_how {
    TOLD_NOTHING, /* no answer, or one that says that nobody knows: it happened once or never */
    TOLD_OK,
    TOLD_REFUSED, /* for what the session is */
    TOLD_NOT_DONE /* for another reason: it surely did not happen */
};

struct model_told {
    enum model_how how;
    char reason[40];
    uint64_t number; /* current_version, generation */
    uint64_t token_session;
    uint32_t token_generation; /* 0: no token came */
    struct model_view view;
    int outcome;
    int http;
    bool replayed;
    bool unsettled; /* SESSION_CONFLICT with a call whose outcome is not known */
};

/* What a call presents. */
struct model_proof {
    uint64_t session;
    uint32_t generation; /* 0: no token */
    uint16_t step;       /* of a handle */
};

/* One call, as the judge sees it. */
struct model_call {
    struct model_request request;
    struct model_proof proof;
    struct model_told told;
    uint64_t began; /* moments of the round */
    uint64_t ended; /* UINT64_MAX: no answer */
    unsigned machine;
    bool later;     /* of a stream: not its first look */
    bool connector; /* the session is made with a connector's help */
};

/* The event's way; 0: nowhere, it is late. */
uint8_t model_moves(uint8_t status, uint8_t event);
bool model_closed(uint8_t status);
bool model_in_step(uint8_t status);
/* What time has done. */
void model_settle(struct model_state *state, uint64_t now_ms);
/* There is no session of that name any more. */
void model_forget(struct model_state *state);
/* Applies one event. */
int model_apply(struct model_state *state, uint8_t event, uint16_t id, uint64_t step_ms, uint64_t now_ms);
void model_note_late(struct model_state *state, uint8_t event, uint16_t id);
bool model_takes_late(const struct model_state *state, uint8_t event);
void model_end_step(struct model_state *state, bool timed_out);
/* A change without an event. */
void model_touch(struct model_state *state);
void model_fence(struct model_state *state);
void model_rotate(struct model_state *state, uint64_t now_ms);
/* The kind of the event with that id; MODEL_NO_EVENT: not known. */
uint8_t model_knows(const struct model_state *state, uint16_t id);

/* The call happens: false if its answer, where there is one, cannot be right. */
bool model_step(struct model_state *state, const struct model_call *call, uint64_t now_ms);
uint64_t model_hash(const void *bytes, size_t len);

/* Its next change by time; UINT64_MAX: none. after_ms: later ones only. */
uint64_t model_next_ms(const struct model_state *state, uint64_t after_ms);

#endif
