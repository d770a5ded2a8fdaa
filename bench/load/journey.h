/* journey.h - a payment's calls one after the other, as a table; and the payments under way.
 *
 * A journey carries what its next call needs: whose session, the newest token, the step handle, and the
 * status and version that the next answer must show. */
#ifndef SESSIOND_BENCH_JOURNEY_H
#define SESSIOND_BENCH_JOURNEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_TOKEN_MAX     1500u
#define LOAD_HANDLE_MAX    1024u
#define LOAD_STEPS_MAX     10
#define LOAD_SCRIPTS_MAX   10
#define LOAD_WEIGHT_MAX    1000000u
#define LOAD_JOURNEYS_MAX  65536u /* under way at a time */
#define LOAD_MIX_ERROR_MAX 160

enum load_step {
    LOAD_CREATE,
    LOAD_GET,        /* with the journey's token */
    LOAD_GET_STORED, /* with a token of load_tokens: --method get */
    LOAD_BEGIN_STEP,
    LOAD_RETURN_GET,  /* the browser comes back: GET /r/<handle>?.. */
    LOAD_RETURN_POST, /* the same with a form */
    LOAD_CHALLENGE_PASSED,
    LOAD_PROCESSING_STARTED,
    LOAD_COMPLETED,
    LOAD_COMPLETED_BY_WEBHOOK, /* without a token */
    LOAD_BROWSER_RETURNED,     /* told by the caller, to whom the browser came back */
    LOAD_CHANGE_STORED,        /* PROCESSING_STARTED, with a token of load_tokens: --method change */
    LOAD_AUTHORIZE_STORED,     /* through the gateway, with a token of load_tokens: --method authorize */
    LOAD_ACCESS_TOKEN,         /* the connector's, the same for all: --method access_token */
    LOAD_STEP_COUNT
};

struct load_script {
    const char *name;
    enum load_step steps[LOAD_STEPS_MAX];
    unsigned steps_count;
};

struct load_mix {
    uint32_t weight[LOAD_SCRIPTS_MAX]; /* by script */
    uint64_t weight_sum;
};

struct load_journey {
    struct load_journey *next; /* in the free list, or among those that think */
    const struct load_script *script;
    unsigned step; /* which of the script's is under way */
    uint64_t number;
    uint64_t due_ns;  /* of the next call, while it thinks */
    uint64_t version; /* that the session has reached */
    uint64_t status;  /* SessionStatus that it has reached */
    size_t token_len;
    size_t handle_len;
    uint8_t token[LOAD_TOKEN_MAX];
    char handle[LOAD_HANDLE_MAX];
};

const char *load_step_name(enum load_step step);
/* The scripts that a mix may name; i < load_scripts_count(). */
size_t load_scripts_count(void);
const struct load_script *load_script_at(size_t i);
size_t load_script_index(const struct load_script *script);

/* "NAME=WEIGHT,NAME=WEIGHT..": false and what is wrong with it in ret_error. */
bool load_mix_parse(const char *text, struct load_mix *ret_mix, char ret_error[LOAD_MIX_ERROR_MAX]);
/* A mix of one script. */
struct load_mix load_mix_of(const char *name);
/* Whether some journey of it has more than one call. */
bool load_mix_has_journeys(const struct load_mix *mix);

/* ---- the payments under way */

struct load_journeys;
struct load_journeys *load_journeys_new(const struct load_mix *mix, uint64_t first_number);
void load_journeys_free(struct load_journeys *journeys);
/* The next one by the mix, with the next number; NULL: LOAD_JOURNEYS_MAX are under way. */
struct load_journey *load_journeys_begin(struct load_journeys *journeys);
void load_journeys_end(struct load_journeys *journeys, struct load_journey *journey);
/* Its next call is due then; think time is the same for all, so they come back in this order. */
void load_journeys_think(struct load_journeys *journeys, struct load_journey *journey, uint64_t due_ns);
/* The first of those that think, left there; NULL: none. */
const struct load_journey *load_journeys_first(const struct load_journeys *journeys);
struct load_journey *load_journeys_take_first(struct load_journeys *journeys);

static inline enum load_step load_journey_step(const struct load_journey *journey)
{
    return journey->script->steps[journey->step];
}

#endif
