/* acs.c - a bank's access control server (EMV 3-D Secure 2), as a shopper meets it: GET or POST
 * /acs/challenge shows a page that asks for a code, POST /acs/answer takes it and sends the browser on by a
 * form that posts cres and threeDSSessionData to the URL the challenge named: a cross-site POST, as the real
 * ones do it.
 *
 * Taken: termUrl (really told before, in the AReq's notificationURL), creq, threeDSSessionData, and to be
 * shown merchantName and purchase. The code 1234 passes. The same challenge gives the same cres, so that a
 * repeated return is the same return.
 */
#include "sim.h"

#include <jansson.h>
#include <stdio.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/hash.h>

#include "acs_page.h"

#define URL_BYTES_MAX     2048
#define CREQ_BYTES_MAX    4096
#define SESSION_BYTES_MAX 1024 /* EMV 3DS: threeDSSessionData is at most 1024 bytes */
#define SHOWN_BYTES_MAX   128
#define TRANS_ID_MAX      36
#define CODE              "1234"

struct challenge {
    uint8_t url[URL_BYTES_MAX], creq[CREQ_BYTES_MAX], session[SESSION_BYTES_MAX], merchant[SHOWN_BYTES_MAX],
        purchase[SHOWN_BYTES_MAX];
    struct acs_challenge shown; /* slices of the above */
    char trans_id[TRANS_ID_MAX + 1];
};

/* A parameter that is not there is an empty one: only creq and termUrl are needed. */
static bool take(struct ses_slice form, const char *name, uint8_t *bytes, size_t room,
                 struct ses_slice *ret_value)
{
    size_t len = 0;
    enum ses_status status = sim_parameter(form, name, bytes, room, &len);

    *ret_value = ses_slice(bytes, len);
    return status == SES_NOT_FOUND || (status == SES_OK && ses_utf8_printable_check(*ret_value));
}

static bool is_web_url(struct ses_slice url)
{
    return ses_slice_starts(url, SES_STR("http://")) || ses_slice_starts(url, SES_STR("https://"));
}

/* creq is base64url of {"messageType":"CReq","threeDSServerTransID":..}. */
static bool read_creq(struct challenge *challenge)
{
    uint8_t text[CREQ_BYTES_MAX];
    json_auto_t *json = NULL;
    const char *id;
    size_t len;

    if (ses_base64url_decode(challenge->shown.creq, text, sizeof(text), &len) != SES_OK)
        return false;
    json = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    id = json_string_value(json_object_get(json, "threeDSServerTransID"));
    if (id == NULL || strlen(id) > TRANS_ID_MAX || strspn(id, "0123456789abcdefABCDEF-") != strlen(id))
        return false;
    (void)snprintf(challenge->trans_id, sizeof(challenge->trans_id), "%s", id);
    return ses_slice_eq_str(ses_slice_str(json_string_value(json_object_get(json, "messageType"))), "CReq");
}

static bool read_challenge(const struct sim_request *request, struct challenge *challenge)
{
    struct ses_slice form = request->post ? request->body : request->query;
    struct acs_challenge *shown = &challenge->shown;

    return take(form, "termUrl", challenge->url, sizeof(challenge->url), &shown->term_url) &&
           take(form, "creq", challenge->creq, sizeof(challenge->creq), &shown->creq) &&
           take(form, "threeDSSessionData", challenge->session, sizeof(challenge->session),
                &shown->session_data) &&
           take(form, "merchantName", challenge->merchant, sizeof(challenge->merchant), &shown->merchant) &&
           take(form, "purchase", challenge->purchase, sizeof(challenge->purchase), &shown->purchase) &&
           is_web_url(shown->term_url) && read_creq(challenge);
}

static void show(struct sim_reply *reply, unsigned status, bool written)
{
    reply->html = true;
    reply->status = status;
    if (!written) {
        reply->html = false;
        sim_say(reply, 500, "{\"error\":\"the page is too large\"}");
    }
}

static void show_fault(struct sim_reply *reply)
{
    ses_buf_clear(&reply->body);
    show(reply, 400, acs_page_fault(&reply->body) == SES_OK);
}

void sim_acs_challenge(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    struct challenge challenge = {0};

    (void)sim;
    ses_buf_clear(&reply->body);
    if (read_challenge(request, &challenge))
        show(reply, 200, acs_page_challenge(&reply->body, &challenge.shown, false) == SES_OK);
    else
        show_fault(reply);
}

/* The ids depend on the challenge alone. */
static void make_cres(const struct sim *sim, const struct challenge *challenge, bool passed, char *ret_cres)
{
    const struct ses_slice parts[] = {challenge->shown.creq, challenge->shown.session_data};
    uint8_t hash[SES_HASH_BYTES];
    char id[SIM_TOKEN_SIZE];
    uint64_t serial;
    char text[ACS_CRES_MAX];
    int len;

    ses_hash_parts(SES_SLICE_EMPTY, parts, 2, hash);
    memcpy(&serial, hash, sizeof(serial));
    sim_token(sim, "acs", serial, id);
    len = snprintf(text, sizeof(text),
                   "{\"threeDSServerTransID\":\"%s\",\"acsTransID\":\"%.8s-%.4s-%.4s-%.4s-%.12s\","
                   "\"challengeCompletionInd\":\"Y\",\"messageType\":\"CRes\",\"messageVersion\":\"2.2.0\","
                   "\"transStatus\":\"%s\"}",
                   challenge->trans_id, id, id + 8, id + 12, id + 16, id + 20, passed ? "Y" : "N");
    SES_REQUIRE(len > 0 && (size_t)len < sizeof(text));
    (void)ses_base64url_encode(ses_slice(text, (size_t)len), ret_cres);
}

/* Without a right code and without "refuse" the page is shown again: a shopper may try as often as he
 * likes. */
void sim_acs_answer(struct sim *sim, const struct sim_request *request, struct sim_reply *reply)
{
    struct challenge challenge = {0};
    char cres[SES_BASE64URL_SIZE(ACS_CRES_MAX)];
    uint8_t code[16];
    uint8_t refused[8];
    size_t code_len = 0;
    size_t refused_len = 0;
    bool refuses = sim_parameter(request->body, "refuse", refused, sizeof(refused), &refused_len) == SES_OK;
    bool passes = !refuses && sim_parameter(request->body, "code", code, sizeof(code), &code_len) == SES_OK &&
                  ses_slice_eq_str(ses_slice(code, code_len), CODE);

    ses_buf_clear(&reply->body);
    if (!read_challenge(request, &challenge)) {
        show_fault(reply);
    } else if (!passes && !refuses) {
        show(reply, 200, acs_page_challenge(&reply->body, &challenge.shown, true) == SES_OK);
    } else {
        make_cres(sim, &challenge, passes, cres);
        show(reply, 200, acs_page_return(&reply->body, &challenge.shown, cres) == SES_OK);
    }
}
