/* What keys are called: their purposes and states, their ids, and where their rings lie. */
#include "keyfile.h"

#include <stdio.h>

#include <sessiond/base/encode.h>

#include "paserk.h"

#define NUMBER_MAX 65535 /* it is a u16 in what the key sealed */

/* One row a purpose; first is the file of a sealing ring's first key. */
static const struct {
    const char *name;
    const char *first;
} purposes[SES_KEY_PURPOSE_COUNT] = {
    [SES_KEY_LIVE] = {"live", NULL},
    [SES_KEY_TEST] = {"test", NULL},
    [SES_KEY_SEAL] = {"seal", "seal-1.key"},
    [SES_KEY_STEP] = {"step", "step.key"},
};

static const char *const states[2][SES_KEY_STATE_COUNT] = {
    {"next", "active", "verify-only", "revoked"},
    {"next", "active", "open-only", "revoked"},
};

const char *ses_key_purpose_name(enum ses_key_purpose purpose)
{
    SES_REQUIRE((unsigned)purpose < SES_KEY_PURPOSE_COUNT);
    return purposes[purpose].name;
}

bool ses_key_seals(enum ses_key_purpose purpose)
{
    return purposes[purpose].first != NULL;
}

const char *ses_key_state_name(enum ses_key_purpose purpose, enum ses_key_state state)
{
    SES_REQUIRE((unsigned)state < SES_KEY_STATE_COUNT);
    return states[ses_key_seals(purpose)][state];
}

bool ses_key_state_decode(enum ses_key_purpose purpose, struct ses_slice text, enum ses_key_state *ret_state)
{
    for (unsigned i = 0; i < SES_KEY_STATE_COUNT; i++) {
        if (ses_slice_eq_str(text, states[ses_key_seals(purpose)][i])) {
            *ret_state = (enum ses_key_state)i;
            return true;
        }
    }
    return false;
}

void ses_key_id_encode(enum ses_key_purpose purpose, uint16_t number, char ret_kid[SES_KID_SIZE])
{
    (void)snprintf(ret_kid, SES_KID_SIZE, "%s-%u", purposes[purpose].name, (unsigned)number);
}

/* Written again and compared: one number, one id, so "seal-01" is none. */
static bool number_decode(struct ses_slice kid, enum ses_key_purpose purpose, uint16_t *ret_number)
{
    struct ses_slice name = ses_slice_str(purposes[purpose].name);
    char again[SES_KID_SIZE];
    uint64_t number;

    if (!ses_slice_starts(kid, name) ||
        ses_parse_u64(ses_slice_cut(kid, name.len + 1, kid.len), NUMBER_MAX, &number) != SES_OK ||
        number == 0)
        return false;
    ses_key_id_encode(purpose, (uint16_t)number, again);
    *ret_number = (uint16_t)number;
    return ses_slice_eq_str(kid, again);
}

bool ses_key_id_decode(struct ses_slice kid, enum ses_key_purpose *ret_purpose, uint16_t *ret_number)
{
    if (ses_paserk_pid_check(kid)) {
        *ret_purpose = SES_KEY_TEST; /* or live: the id does not tell */
        *ret_number = 0;
        return true;
    }
    for (unsigned i = 0; i < SES_KEY_PURPOSE_COUNT; i++) {
        if (ses_key_seals((enum ses_key_purpose)i) &&
            number_decode(kid, (enum ses_key_purpose)i, ret_number)) {
            *ret_purpose = (enum ses_key_purpose)i;
            return true;
        }
    }
    return false;
}

bool ses_key_id_check(enum ses_key_purpose purpose, struct ses_slice kid)
{
    enum ses_key_purpose found;
    uint16_t number;

    return ses_key_id_decode(kid, &found, &number) &&
           (ses_key_seals(purpose) ? found == purpose : number == 0);
}

void ses_key_file_name(const char *kid, char ret_name[SES_KEYFILE_NAME_SIZE])
{
    (void)snprintf(ret_name, SES_KEYFILE_NAME_SIZE, "%s.json", kid);
}

static enum ses_status join(const char *dir, const char *name, struct ses_fault *fault,
                            char ret_path[SES_RING_PATH_SIZE])
{
    int len = snprintf(ret_path, SES_RING_PATH_SIZE, "%s/%s", dir, name);

    if (len < 0 || len >= SES_RING_PATH_SIZE)
        return ses_fault(fault, SES_IO, "the path of the key directory is too long");
    return SES_OK;
}

enum ses_status ses_ring_path(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                              char ret_path[SES_RING_PATH_SIZE])
{
    return join(dir, purposes[purpose].name, fault, ret_path);
}

enum ses_status ses_ring_first_path(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                                    char ret_path[SES_RING_PATH_SIZE])
{
    SES_REQUIRE(ses_key_seals(purpose));
    return join(dir, purposes[purpose].first, fault, ret_path);
}
