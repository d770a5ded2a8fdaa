/* The values of a template, and the template written with them. */
#include "client.h"

#include "request.h"
#include "text.h"

/* NUL-terminated in the template, of bounded length. */
#define NAME_SIZE 64

enum value_form {
    VALUE_ABSENT,
    VALUE_TEXT,
    VALUE_NUMBER /* stands without quotes in JSON */
};

/* Minor units as what stands before and behind the point; as many digits as the currency has. */
static enum ses_status major(const struct ses_session_call *payment, struct ses_arena *arena,
                             struct ses_slice *ret_text)
{
    const char *minor =
        ses_arena_printf(arena, "%0*lld", (int)payment->exponent + 1, (long long)payment->minor_amount);
    size_t whole;
    const char *text;

    if (minor == NULL)
        return SES_NO_MEMORY;
    whole = strlen(minor) - payment->exponent;
    text = ses_arena_printf(arena, "%.*s%s%s", (int)whole, minor, payment->exponent > 0 ? "." : "",
                            minor + whole);
    if (text == NULL)
        return SES_NO_MEMORY;
    *ret_text = ses_slice_str(text);
    return SES_OK;
}

static enum ses_status number_text(long long number, struct ses_arena *arena, struct ses_slice *ret_text)
{
    const char *text = ses_arena_printf(arena, "%lld", number);

    if (text == NULL)
        return SES_NO_MEMORY;
    *ret_text = ses_slice_str(text);
    return SES_OK;
}

static enum value_form given(struct ses_slice text, struct ses_slice *ret_text)
{
    *ret_text = text;
    return text.data == NULL ? VALUE_ABSENT : VALUE_TEXT;
}

/* A part of the payment, by the name that templates have for it; else a credential. */
static enum ses_status value_of(const struct ses_client_request *request, const char *name,
                                struct ses_arena *arena, struct ses_slice *ret_text,
                                enum value_form *ret_form, struct ses_error *ret_error)
{
    const struct ses_session_call *payment = &request->payment;
    enum ses_status status = SES_OK;

    *ret_form = VALUE_TEXT;
    if (strcmp(name, "id") == 0)
        *ret_text = payment->merchant_session_id;
    else if (strcmp(name, "minor") == 0) {
        *ret_form = VALUE_NUMBER;
        status = number_text(payment->minor_amount, arena, ret_text);
    } else if (strcmp(name, "minor_text") == 0)
        status = number_text(payment->minor_amount, arena, ret_text);
    else if (strcmp(name, "major") == 0)
        status = major(payment, arena, ret_text);
    else if (strcmp(name, "currency") == 0)
        *ret_text = ses_slice_str(payment->currency);
    else if (strcmp(name, "country_alpha2_code") == 0)
        *ret_form = given(request->country, ret_text);
    else if (strcmp(name, "return_url") == 0)
        *ret_form = given(request->return_url, ret_text);
    else if (strcmp(name, "customer.id") == 0)
        *ret_form = given(payment->customer_id, ret_text);
    else if (strcmp(name, "customer.name") == 0)
        *ret_form = given(request->customer_name, ret_text);
    else if (strcmp(name, "customer.email") == 0)
        *ret_form = given(request->customer_email, ret_text);
    else
        return ses_request_credential(payment->credentials, name, ret_text, ret_error);
    return status == SES_OK ? SES_OK : ses_request_no_memory(ret_error);
}

enum ses_status ses_client_needs(const struct ses_client_request *request, const char *field,
                                 struct ses_arena *arena, struct ses_error *ret_error)
{
    const char *path = ses_arena_printf(arena, "%s%s", request->context, field);

    ses_error_clear(ret_error);
    ses_error_violation(ret_error, ses_slice_str(path == NULL ? field : path),
                        SES_STR("is required by this connector"));
    return ret_error->status;
}

/* ---- the template ---------------------------------------------------------------------------- */

/* What stands between '<' and '>'. */
struct slot {
    char name[NAME_SIZE];
    bool inside;       /* a quoted text */
    bool null;         /* where the value is absent */
    const char *usual; /* where it is absent; NULL: none, to the '>' */
    size_t usual_bytes;
    const char *behind; /* the template goes on */
};

static struct slot slot_at(const char *at)
{
    struct slot slot = {.behind = strchr(at, '>')};
    size_t len;

    SES_REQUIRE(slot.behind != NULL);
    at++;
    if (*at == '.') {
        slot.inside = true;
        at++;
    }
    len = strcspn(at, "=?>");
    SES_REQUIRE(len < sizeof(slot.name));
    memcpy(slot.name, at, len);
    slot.name[len] = '\0';
    slot.null = at[len] == '?';
    if (at[len] == '=') {
        slot.usual = at + len + 1;
        slot.usual_bytes = (size_t)(slot.behind - slot.usual);
    }
    slot.behind++;
    return slot;
}

struct writer {
    const struct ses_client_request *request;
    enum access_coding coding;
    struct ses_arena *arena;
    struct ses_error *error;
    struct ses_text text;
};

static void add_value(struct writer *w, const struct slot *slot, struct ses_slice value, enum value_form form)
{
    struct ses_text *text = &w->text;

    if (w->coding == ACCESS_FORM) {
        ses_text_form(text, value);
    } else if (form == VALUE_NUMBER) {
        ses_text_add(text, value);
    } else {
        size_t from = text->len;

        ses_text_json(text, value);
        if (slot->inside) { /* without its own quotes */
            memmove(text->data + from, text->data + from + 1, text->len - from - 2);
            text->len -= 2;
        }
    }
}

/* How much a slot takes, or what is wrong with it. Absent: its optional part is left out, or its null or usual stands there. */
static enum ses_status read_slot(struct writer *w, const struct slot *slot, struct ses_slice *ret_value,
                                 enum value_form *ret_form)
{
    SES_TRY(value_of(w->request, slot->name, w->arena, ret_value, ret_form, w->error));
    if (*ret_form != VALUE_ABSENT)
        return SES_OK;
    if (slot->null) {
        *ret_form = VALUE_NUMBER;
        *ret_value = SES_STR("null");
    } else if (slot->usual != NULL) {
        *ret_form = VALUE_TEXT;
        *ret_value = ses_slice((const uint8_t *)slot->usual, slot->usual_bytes);
    }
    return SES_OK;
}

/* One walk: with room 0 it only counts. optional: from a '|' on, whether everything to the next one is there. */
static enum ses_status part_is_there(struct writer *w, const char *at, bool *ret_there)
{
    *ret_there = true;
    for (at++; *at != '|'; at++) {
        struct ses_slice value = SES_SLICE_EMPTY;
        enum value_form form = VALUE_ABSENT;
        struct slot slot;

        SES_REQUIRE(*at != '\0');
        if (*at != '<')
            continue;
        slot = slot_at(at);
        SES_TRY(read_slot(w, &slot, &value, &form));
        *ret_there = *ret_there && form != VALUE_ABSENT;
        at = slot.behind - 1;
    }
    return SES_OK;
}

static enum ses_status write_slot(struct writer *w, const struct slot *slot)
{
    struct ses_slice value = SES_SLICE_EMPTY;
    enum value_form form = VALUE_ABSENT;

    SES_TRY(read_slot(w, slot, &value, &form));
    if (form == VALUE_ABSENT)
        return ses_client_needs(w->request, slot->name, w->arena, w->error);
    add_value(w, slot, value, form);
    return SES_OK;
}

/* The worst case of every value that a template may have in it. */
static enum ses_status room_of(struct writer *w, const char *body, size_t *ret_room)
{
    *ret_room = strlen(body);
    for (const char *at = body; *at != '\0'; at++) {
        struct ses_slice value = SES_SLICE_EMPTY;
        enum value_form form = VALUE_ABSENT;
        struct slot slot;

        if (*at != '<')
            continue;
        slot = slot_at(at);
        SES_TRY(read_slot(w, &slot, &value, &form));
        if (form != VALUE_ABSENT)
            *ret_room += SES_TEXT_JSON_ROOM(value.len);
        at = slot.behind - 1;
    }
    return SES_OK;
}

static enum ses_status write_all(struct writer *w, const char *body)
{
    bool inside = false;

    for (const char *at = body; *at != '\0'; at++) {
        if (*at == '|') {
            bool there = true;

            if (!inside)
                SES_TRY(part_is_there(w, at, &there));
            inside = !inside && there;
            if (!there)
                at = strchr(at + 1, '|');
        } else if (*at == '<') {
            struct slot slot = slot_at(at);

            SES_TRY(write_slot(w, &slot));
            at = slot.behind - 1;
        } else {
            ses_text_add(&w->text, ses_slice((const uint8_t *)at, 1));
        }
    }
    return SES_OK;
}

enum ses_status ses_client_body(const struct ses_client_request *request, enum access_coding coding,
                                const char *body, struct ses_arena *arena, struct ses_slice *ret_body,
                                struct ses_error *ret_error)
{
    struct writer w = {.request = request, .coding = coding, .arena = arena, .error = ret_error};
    size_t room;

    SES_TRY(room_of(&w, body, &room));
    if (ses_text_init(&w.text, arena, room) != SES_OK)
        return ses_request_no_memory(ret_error);
    SES_TRY(write_all(&w, body));
    *ret_body = ses_text_view(&w.text);
    return SES_OK;
}
