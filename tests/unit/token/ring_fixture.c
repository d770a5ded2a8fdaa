#include "ring_fixture.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/random.h>

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    ses_random_init();
    assert_non_null(mkdtemp(unit_temporary("token", f->dir, sizeof(f->dir))));
    ses_arena_init(&f->arena, 1 << 20);
    assert_int_equal(ses_keyring_init_dir(f->dir, &f->fault), SES_OK);
    *state = f;
    return 0;
}

static int setup_as(void **state, enum ses_token_purpose purpose)
{
    int result = fixture_setup(state);
    struct fixture *f = *state;

    f->purpose = purpose;
    return result;
}

int fixture_setup_local(void **state)
{
    return setup_as(state, SES_TOKEN_LOCAL);
}

int fixture_setup_plain(void **state)
{
    return setup_as(state, SES_TOKEN_PLAIN);
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    (void)nftw(f->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    ses_arena_done(&f->arena);
    free(f);
    return 0;
}

struct ses_keyring *fixture_load(struct fixture *f)
{
    struct ses_keyring *ring = NULL;
    enum ses_status status = ses_keyring_load(f->dir, &ring, &f->fault);

    if (status != SES_OK)
        print_message("load: %s\n", f->fault.text);
    assert_int_equal(status, SES_OK);
    return ring;
}

void fixture_refuses(struct fixture *f, enum ses_status status, const char *part)
{
    struct ses_keyring *ring = NULL;

    assert_int_equal(ses_keyring_load(f->dir, &ring, &f->fault), status);
    assert_null(ring);
    if (strstr(f->fault.text, part) == NULL)
        fail_msg("'%s' does not say '%s'", f->fault.text, part);
}

void fixture_kid(struct fixture *f, enum ses_key_purpose purpose, enum ses_key_state state,
                 char ret_kid[SES_KID_SIZE])
{
    struct ses_key_info keys[SES_KEYRING_LIST_MAX];
    size_t count = 0;

    assert_int_equal(ses_keyring_list(f->dir, keys, &count, &f->fault), SES_OK);
    for (size_t i = 0; i < count; i++) {
        if (keys[i].purpose == purpose && keys[i].state == state) {
            memcpy(ret_kid, keys[i].kid, SES_KID_SIZE);
            return;
        }
    }
    fail_msg("no key in state %s", ses_key_state_name(purpose, state));
}

void fixture_path(const struct fixture *f, enum ses_key_purpose purpose, const char *kid, char ret_path[512])
{
    (void)snprintf(ret_path, 512, "%s/%s/%s.json", f->dir, ses_key_purpose_name(purpose), kid);
}

size_t file_read(const char *path, char *ret_text, size_t room)
{
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    size_t len = fread(ret_text, 1, room - 1, file);
    (void)fclose(file);
    ret_text[len] = '\0';
    return len;
}

void file_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    (void)fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

void file_edit(const char *path, const char *from, const char *to)
{
    char text[4096];
    char edited[8192];

    (void)file_read(path, text, sizeof(text));
    char *at = strstr(text, from);
    assert_non_null(at);
    *at = '\0';
    (void)snprintf(edited, sizeof(edited), "%s%s%s", text, to, at + strlen(from));
    file_write(path, edited);
}

struct ses_claims fixture_claims(void)
{
    struct ses_claims claims = {
        .issuer = SES_STR("sessiond"),
        .audience = SES_STR("payments"),
        .merchant = SES_STR("merchant_1"),
        .issued_ms = NOW_MS,
        .expires_ms = NOW_MS + 900000,
        .generation = 3,
        .connector = SES_STR("stripe"),
        .minor_amount = 10000,
        .currency = SES_STR("USD"),
        .test = true,
        .browser_fields = SES_STR("color_depth java_enabled os_type"),
    };

    memset(claims.session_id, 0xA5, sizeof(claims.session_id));
    memset(claims.merchant_session_hash, 0x11, sizeof(claims.merchant_session_hash));
    memset(claims.browser_hash, 0xFE, sizeof(claims.browser_hash));
    return claims;
}

struct ses_slice fixture_mint_as(struct fixture *f, const struct ses_keyring *ring,
                                 const struct ses_claims *claims, enum ses_token_purpose purpose)
{
    char text[SES_TOKEN_SIZE_MAX];
    size_t len = 0;
    struct ses_slice token = SES_SLICE_EMPTY;

    assert_int_equal(ses_token_mint(ring, claims, purpose, text, &len), SES_OK);
    assert_int_equal(ses_arena_copy(&f->arena, ses_slice(text, len), &token), SES_OK);
    return token;
}

struct ses_slice fixture_mint(struct fixture *f, const struct ses_keyring *ring,
                              const struct ses_claims *claims)
{
    return fixture_mint_as(f, ring, claims, f->purpose);
}
