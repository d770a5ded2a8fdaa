/* Lists by commas: a name with a comma in it is for the file itself, edited by hand. What a name or a time may be is
 * said by who reads the file back (caller/callers_edit.h); here is only what a list is made of. */
#include "callers_words.h"

#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/rfc3339.h>

#define DEFAULT_TENANT "DefaultTenantId"
#define DEFAULT_RIGHTS "create,continue"

bool ctl_callers_path(const struct ctl *ctl, char ret_path[CTL_PATH_SIZE])
{
    const char *file = ctl->caller.file == NULL ? SES_CALLERS_FILE : ctl->caller.file;

    if (file[0] != '/')
        return ctl_path(ctl, file, ret_path);
    if (snprintf(ret_path, CTL_PATH_SIZE, "%s", file) < CTL_PATH_SIZE)
        return true;
    (void)ctl_fail("the path of the callers file is too long");
    return false;
}

static size_t list_length(struct ses_slice list)
{
    size_t count = 1;

    for (size_t i = 0; i < list.len; i++)
        count += list.data[i] == ',';
    return count;
}

static bool no_memory(void)
{
    (void)ctl_fail("out of memory");
    return false;
}

static bool read_places(const char *text, struct ses_arena *arena, struct ses_caller_places *ret_places)
{
    struct ses_slice rest = ses_slice_str(text);
    struct ses_slice *names;

    ret_places->any = strcmp(text, "*") == 0;
    if (ret_places->any)
        return true;
    ret_places->count = list_length(rest);
    names = ses_arena_zalloc(arena, ret_places->count * sizeof(*names));
    if (names == NULL)
        return no_memory();
    for (size_t i = 0; i < ret_places->count; i++)
        names[i] = ses_slice_trim(ses_slice_take_until(&rest, ','));
    ret_places->names = names;
    return true;
}

static bool read_words(const char *option, const char *text, const struct ses_caller_word *words,
                       size_t count, unsigned *ret_bits)
{
    struct ses_slice rest = ses_slice_str(text);
    char all[SES_RIGHTS_TEXT_SIZE];

    *ret_bits = 0;
    for (size_t left = list_length(rest); left > 0; left--) {
        unsigned bit = ses_caller_word_bit(words, count, ses_slice_trim(ses_slice_take_until(&rest, ',')));

        if (bit == 0) {
            (void)ses_caller_words_text(words, count, ~0u, all);
            (void)ctl_fail("%s: must be a list of: %s", option, all);
            return false;
        }
        *ret_bits |= bit;
    }
    return true;
}

bool ctl_caller_expires(const struct ctl *ctl, uint64_t *ret_seconds)
{
    const char *text = ctl->caller.expires;

    *ret_seconds = 0;
    if (text == NULL)
        return true;
    if (ses_rfc3339_decode(ses_slice_str(text), ret_seconds) != SES_OK) {
        (void)ctl_fail("--expires: must be a time like 2027-01-02T03:04:05Z");
        return false;
    }
    if (*ret_seconds > ses_clock_wall_ms() / 1000)
        return true;
    (void)ctl_fail("--expires: this time is past");
    return false;
}

/* ---- certificates ------------------------------------------------------------------------------------ */

static bool add_san(struct ses_caller_certificate *certificate, struct ses_slice san)
{
    certificate->kind = ses_slice_starts(san, SES_STR("dns:")) ? SES_CALLER_DNS : SES_CALLER_URI;
    certificate->value = ses_slice_cut(san, 4, san.len);
    if (certificate->value.len > 0 &&
        (certificate->kind == SES_CALLER_DNS || ses_slice_starts(san, SES_STR("uri:"))))
        return true;
    (void)ctl_fail("--cert-san: each must be dns:NAME or uri:URI");
    return false;
}

static bool read_certificates(const struct ctl_caller *given, struct ses_arena *arena,
                              struct ses_caller *caller)
{
    struct ses_slice rest = ses_slice_str(given->cert_san);
    size_t sans = rest.len == 0 ? 0 : list_length(rest);
    size_t count = sans + (given->cert_subject != NULL) + (given->cert_thumbprint != NULL);

    caller->certificates = ses_arena_zalloc(arena, (count + 1) * sizeof(*caller->certificates));
    if (caller->certificates == NULL)
        return no_memory();
    for (size_t i = 0; i < sans; i++) {
        if (!add_san(&caller->certificates[i], ses_slice_trim(ses_slice_take_until(&rest, ','))))
            return false;
    }
    caller->certificates_count = sans;
    if (given->cert_subject != NULL)
        caller->certificates[caller->certificates_count++] = (struct ses_caller_certificate){
            .kind = SES_CALLER_SUBJECT, .value = ses_slice_str(given->cert_subject)};
    if (given->cert_thumbprint != NULL)
        caller->certificates[caller->certificates_count++] = (struct ses_caller_certificate){
            .kind = SES_CALLER_THUMBPRINT, .value = ses_slice_str(given->cert_thumbprint)};
    return true;
}

/* Merchants and modes have no default: who forgets them must not have given away all of them. */
bool ctl_caller_read(const struct ctl *ctl, struct ses_arena *arena, struct ses_caller *ret_caller)
{
    const struct ctl_caller *given = &ctl->caller;
    struct ses_caller caller = {.name = ses_slice_str(ctl->args[0]), .created_s = ses_clock_wall_ms() / 1000};

    if (!ses_caller_name_check(caller.name)) {
        (void)ctl_fail("a caller's name has 1 to 64 characters of a-z, 0-9, '.', '_', '-'");
        return false;
    }
    if (given->merchants == NULL || given->modes == NULL) {
        (void)ctl_fail("callers add needs --merchants (a list, or '*') and --modes (test, live or both)");
        return false;
    }
    if (!read_places(given->tenants == NULL ? DEFAULT_TENANT : given->tenants, arena, &caller.tenants) ||
        !read_places(given->merchants, arena, &caller.merchants) ||
        !read_words("--rights", given->rights == NULL ? DEFAULT_RIGHTS : given->rights, ses_right_words,
                    SES_RIGHT_WORDS, &caller.rights) ||
        !read_words("--modes", given->modes, ses_caller_mode_words, SES_CALLER_MODE_WORDS, &caller.modes) ||
        !ctl_caller_expires(ctl, &caller.expires_s) || !read_certificates(given, arena, &caller))
        return false;
    *ret_caller = caller;
    return true;
}
