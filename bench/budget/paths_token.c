#include "budget.h"

#include <sessiond/token/token.h>

#define NOW_MS UINT64_C(1700000000000)

static struct ses_claims make_claims(void)
{
    return (struct ses_claims){.session_id = "0123456789abcde",
                               .issuer = SES_STR("sessiond"),
                               .audience = SES_STR("sessiond"),
                               .merchant = SES_STR("DefaultMerchantId"),
                               .issued_ms = NOW_MS,
                               .expires_ms = NOW_MS + 900000,
                               .generation = 1,
                               .connector = SES_STR("adyen"),
                               .minor_amount = 10000,
                               .currency = SES_STR("USD"),
                               .test = true,
                               .browser_fields = SES_STR("user_agent_family")};
}

static struct ses_keyring *open_ring(const char *dir)
{
    struct ses_keyring *ring;
    struct ses_fault fault;

    BUDGET_OK(ses_keyring_init_dir(dir, &fault));
    BUDGET_OK(ses_keyring_load(dir, &ring, &fault));
    return ring;
}

static void mint(const char *dir, unsigned operations, enum ses_token_purpose purpose)
{
    const struct ses_claims claims = make_claims();
    struct ses_keyring *ring = open_ring(dir);
    char token[SES_TOKEN_SIZE_MAX];
    size_t len;

    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++)
                     BUDGET_OK(ses_token_mint(ring, &claims, purpose, token, &len)));
    ses_keyring_free(ring);
}

static void verify(const char *dir, unsigned operations, enum ses_token_purpose purpose)
{
    const struct ses_claims claims = make_claims();
    struct ses_keyring *ring = open_ring(dir);
    char token[SES_TOKEN_SIZE_MAX];
    struct ses_arena arena;
    size_t len;

    ses_arena_init(&arena, 1u << 16);
    BUDGET_OK(ses_token_mint(ring, &claims, purpose, token, &len));
    BUDGET_COUNT(for (unsigned i = 0; i < operations; i++) {
        struct ses_claims seen;

        BUDGET_OK(ses_token_verify(ring, ses_slice(token, len), true, NOW_MS + 1000, &arena, &seen));
        ses_arena_reset(&arena);
    });
    ses_arena_done(&arena);
    ses_keyring_free(ring);
}

void budget_sign(const char *dir, unsigned operations)
{
    mint(dir, operations, SES_TOKEN_PUBLIC);
}

void budget_verify(const char *dir, unsigned operations)
{
    verify(dir, operations, SES_TOKEN_PUBLIC);
}

/* By its signature, as tokens of versions before are. */
void budget_verify_plain(const char *dir, unsigned operations)
{
    verify(dir, operations, SES_TOKEN_PLAIN);
}

void budget_encrypt(const char *dir, unsigned operations)
{
    mint(dir, operations, SES_TOKEN_LOCAL);
}

void budget_decrypt(const char *dir, unsigned operations)
{
    verify(dir, operations, SES_TOKEN_LOCAL);
}
