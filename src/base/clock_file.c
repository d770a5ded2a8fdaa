/* Reading is strict: a word in another place, a number out of range or a wrong sum makes the file malformed,
 * and nothing of it is used. Writing goes beside the file, is synced and renamed over it, then the directory
 * is synced: after a power loss there is the old file or the new one.
 */
#include <sessiond/base/clock_file.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/hash.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_LEN  36
#define FILE_MAX     2048 /* of which about 900 are used */
#define HEAD         "sessiond-clock 1\n"

struct text {
    char bytes[FILE_MAX];
    size_t len;
};

/* "-" where there is none: never the same boot as any other. */
static void boot_id(char ret_id[BOOT_ID_LEN + 1])
{
    int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, ret_id, BOOT_ID_LEN);

    if (fd >= 0)
        (void)close(fd);
    if (got != BOOT_ID_LEN)
        (void)snprintf(ret_id, BOOT_ID_LEN + 1, "-");
    else
        ret_id[BOOT_ID_LEN] = '\0';
}

static void sum_of(struct ses_slice lines, char ret_hex[SES_HEX_SIZE(SES_HASH_BYTES)])
{
    uint8_t hash[SES_HASH_BYTES];

    ses_hash(SES_SLICE_EMPTY, lines, hash);
    (void)ses_hex_encode(ses_slice(hash, sizeof(hash)), ret_hex);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* What is left of the file. The first fault sticks. */
struct reader {
    struct ses_slice rest;
    bool failed;
};

/* The next word, which must end with that byte. */
static struct ses_slice word(struct reader *r, uint8_t end)
{
    size_t at = ses_slice_find(r->rest, end);
    struct ses_slice found = ses_slice_cut(r->rest, 0, at);

    r->failed = r->failed || at == r->rest.len;
    r->rest = ses_slice_cut(r->rest, at + 1, r->rest.len);
    return found;
}

static uint64_t number(struct reader *r, uint8_t end, uint64_t max)
{
    uint64_t value = 0;

    r->failed = ses_parse_u64(word(r, end), max, &value) != SES_OK || r->failed;
    return value;
}

static void name(struct reader *r, const char *expected)
{
    r->failed = !ses_slice_eq_str(word(r, ' '), expected) || r->failed;
}

static int64_t signed_number(struct reader *r)
{
    bool negative = ses_slice_starts(r->rest, SES_STR("-"));

    if (negative)
        r->rest = ses_slice_cut(r->rest, 1, r->rest.len);
    return negative ? -(int64_t)number(r, '\n', INT64_MAX) : (int64_t)number(r, '\n', INT64_MAX);
}

static void read_era(struct reader *r, struct ses_clock_state *state)
{
    struct ses_clock_era era;

    name(r, "era");
    era.from_ms = number(r, ' ', UINT64_MAX);
    era.ahead_ms = signed_number(r);
    if (state->eras_count == SES_CLOCK_ERAS_MAX)
        r->failed = true;
    else
        state->eras[state->eras_count++] = era;
}

/* Against rot and hands, not against malice: the sum has no key. */
static void check_sum(struct reader *r, struct ses_slice whole)
{
    char hex[SES_HEX_SIZE(SES_HASH_BYTES)];

    sum_of(ses_slice_cut(whole, 0, whole.len - r->rest.len), hex);
    name(r, "sum");
    r->failed = !ses_slice_eq_str(word(r, '\n'), hex) || r->failed || r->rest.len > 0;
}

static enum ses_status decode(struct ses_slice whole, struct ses_clock_state *ret_state, bool *ret_same_boot)
{
    struct ses_clock_state state = {.eras_count = 0};
    struct reader r = {.rest = whole};
    char boot[BOOT_ID_LEN + 1];

    if (!ses_slice_starts(whole, SES_STR(HEAD)))
        return SES_MALFORMED;
    r.rest = ses_slice_cut(whole, sizeof(HEAD) - 1, whole.len);
    boot_id(boot);
    name(&r, "boot");
    *ret_same_boot = ses_slice_eq_str(word(&r, '\n'), boot) && boot[0] != '-';
    name(&r, "base");
    state.base_ms = number(&r, '\n', UINT64_MAX);
    name(&r, "told");
    state.told_ms = number(&r, '\n', UINT64_MAX);
    name(&r, "wall");
    state.wall_ms = number(&r, '\n', UINT64_MAX);
    name(&r, "steps");
    state.steps = number(&r, '\n', UINT64_MAX);
    while (!r.failed && ses_slice_starts(r.rest, SES_STR("era ")))
        read_era(&r, &state);
    check_sum(&r, whole);
    if (r.failed)
        return SES_MALFORMED;
    *ret_state = state;
    return SES_OK;
}

enum ses_status ses_clock_file_read(const char *path, struct ses_clock_state *ret_state, bool *ret_same_boot)
{
    struct text text;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return errno == ENOENT ? SES_NOT_FOUND : SES_IO;
    got = read(fd, text.bytes, sizeof(text.bytes));
    (void)close(fd);
    if (got < 0)
        return SES_IO;
    return decode(ses_slice(text.bytes, (size_t)got), ret_state, ret_same_boot);
}

/* Times, not names, say which is the newer: a version before may have run last. */
enum ses_status ses_clock_file_find(const char *data_dir, const char **ret_name,
                                    struct ses_clock_state *ret_state, bool *ret_same_boot)
{
    static const char *const names[] = {SES_CLOCK_FILE_NAME, SES_CLOCK_FILE_FORMER};
    enum ses_status found = SES_NOT_FOUND;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PATH_MAX];
        struct ses_clock_state state = {0};
        bool same_boot = false;
        enum ses_status status = SES_IO;

        if (snprintf(path, sizeof(path), "%s/%s", data_dir, names[i]) < (int)sizeof(path))
            status = ses_clock_file_read(path, &state, &same_boot);
        if (status != SES_OK)
            found = found == SES_NOT_FOUND ? status : found;
        else if (found != SES_OK || state.told_ms > ret_state->told_ms) {
            found = SES_OK;
            *ret_name = names[i];
            *ret_state = state;
            *ret_same_boot = same_boot;
        }
    }
    return found;
}

/* ---- writing --------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text->bytes + text->len, sizeof(text->bytes) - text->len, format, args);
    va_end(args);
    SES_REQUIRE(len > 0 && (size_t)len < sizeof(text->bytes) - text->len); /* all has a bound */
    text->len += (size_t)len;
}

static void encode(const struct ses_clock_state *state, struct text *text)
{
    char boot[BOOT_ID_LEN + 1];
    char hex[SES_HEX_SIZE(SES_HASH_BYTES)];

    boot_id(boot);
    text->len = 0;
    add(text, HEAD "boot %s\nbase %" PRIu64 "\ntold %" PRIu64 "\n", boot, state->base_ms, state->told_ms);
    add(text, "wall %" PRIu64 "\nsteps %" PRIu64 "\n", state->wall_ms, state->steps);
    for (unsigned i = 0; i < state->eras_count; i++)
        add(text, "era %" PRIu64 " %" PRId64 "\n", state->eras[i].from_ms, state->eras[i].ahead_ms);
    sum_of(ses_slice(text->bytes, text->len), hex);
    add(text, "sum %s\n", hex);
}

static enum ses_status io_status(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? SES_FULL : SES_IO;
}

/* One write: a file system that takes only part of a kilobyte is full, and the old file is still there. */
static enum ses_status write_new(const char *path, const struct text *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    enum ses_status status = SES_OK;
    ssize_t written;

    if (fd < 0)
        return io_status();
    written = write(fd, text->bytes, text->len);
    if (written >= 0 && (size_t)written < text->len)
        status = SES_FULL; /* no error has been told: errno is somebody else's */
    else if (written < 0 || fsync(fd) != 0)
        status = io_status();
    if (close(fd) != 0 && status == SES_OK)
        status = io_status();
    return status;
}

static enum ses_status sync_directory_of(const char *path)
{
    char copy[PATH_MAX]; /* dirname writes into what it is given */
    enum ses_status status;
    int fd;

    (void)snprintf(copy, sizeof(copy), "%s", path);
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return io_status();
    status = fsync(fd) == 0 ? SES_OK : io_status();
    (void)close(fd);
    return status;
}

enum ses_status ses_clock_file_write(const char *path, const struct ses_clock_state *state)
{
    char new_path[PATH_MAX];
    struct text text;
    enum ses_status status;

    /* A name for each process: supervisor and housekeeper may write at the same time. */
    if (snprintf(new_path, sizeof(new_path), "%s.%d", path, (int)getpid()) >= (int)sizeof(new_path))
        return SES_IO;
    encode(state, &text);
    status = write_new(new_path, &text);
    if (status == SES_OK && rename(new_path, path) != 0)
        status = io_status();
    if (status != SES_OK) {
        (void)unlink(new_path);
        return status;
    }
    return sync_directory_of(path);
}
