/* The commands that change the callers file: add, rotate, revoke. A key is printed once and kept nowhere: the file gets
 * its hash. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include <sessiond/base/clock.h>
#include <sessiond/caller/caller_key.h>
#include <sessiond/caller/callers_edit.h>
#include <sessiond/token/guarded_text.h>
#include <sessiond/token/token.h>

#include "callers_words.h"
#include "ctl.h"

#define ARENA_BYTES_MAX SES_MIB

/* One command: what it changes, and under which hash key. */
struct work {
    const struct ctl *ctl;
    char path[CTL_PATH_SIZE];
    struct ses_secret hash_key;
    char keyed_by[SES_CALLER_KEYED_BY_SIZE];
    struct ses_caller caller;       /* add */
    struct ses_caller_key key;      /* add, rotate, revoke --key: the id */
    char text[SES_CALLER_KEY_SIZE]; /* of a key that was made */
};

/* The directory and the key file are made at the first caller: before sessiond's first start, maybe. */
static bool open_work(const struct ctl *ctl, struct work *work)
{
    struct ses_fault fault = {.text = ""};
    char path[CTL_PATH_SIZE];

    *work = (struct work){.ctl = ctl};
    if (!ctl_path(ctl, "keys/callers.key", path) || !ctl_callers_path(ctl, work->path))
        return false;
    if (mkdir(ctl->data, S_IRWXU) != 0 && errno != EEXIST) {
        (void)ctl_fail("%s: cannot be created: %s", ctl->data, strerror(errno));
        return false;
    }
    if (ses_secret_file_open(path, true, &work->hash_key, &fault) != SES_OK) {
        (void)ctl_fail_fault(&fault);
        return false;
    }
    ses_caller_keyed_by(&work->hash_key, work->keyed_by);
    return true;
}

static void close_work(struct work *work)
{
    ses_secret_free(&work->hash_key);
    ses_wipe(work->text, sizeof(work->text));
}

static void make_key(struct work *work, uint64_t expires_s)
{
    struct ses_slice text = ses_slice(work->text, SES_CALLER_KEY_LEN);

    ses_caller_key_make(work->text);
    SES_REQUIRE(ses_caller_key_parse(text, &work->key.id) == SES_OK);
    ses_caller_key_hash(&work->hash_key, text, work->key.hash);
    work->key.created_s = ses_clock_wall_ms() / 1000;
    work->key.expires_s = expires_s;
}

/* ---- what was done -------------------------------------------------------------------------------------- */

static void tell_server(const struct ctl *ctl)
{
    long pid = 0;

    if (ctl_server_runs(ctl, &pid))
        (void)fprintf(stderr, "kill -HUP %ld makes the running sessiond read it\n", pid);
    else
        (void)fputs("sessiond reads it at its next start, where its configuration names the file (callers)\n",
                    stderr);
}

static int report(struct work *work, const char *what)
{
    const char *name = work->ctl->args[0];
    char id[SES_CALLER_KEY_ID_LEN + 1] = "";
    int code = CTL_DONE;

    if (work->key.id != 0)
        ses_caller_key_id_text(work->key.id, id);
    if (work->ctl->json)
        code = ctl_print_json(json_pack("{s:s,s:s,s:s*,s:s*}", "caller", name, "did", what, "key_id",
                                        id[0] == '\0' ? NULL : id, "key",
                                        work->text[0] == '\0' ? NULL : work->text),
                              false, CTL_DONE);
    else if (work->text[0] != '\0')
        code = puts(work->text) < 0 ? CTL_FAILED : CTL_DONE;
    else
        code = printf("%s%s%s %s\n", name, id[0] == '\0' ? "" : " ", id, what) < 0 ? CTL_FAILED : CTL_DONE;
    if (work->text[0] != '\0')
        (void)fputs("this key is shown once; the callers file keeps its hash\n", stderr);
    tell_server(work->ctl);
    return code;
}

static int change(struct work *work, ses_guarded_text_fn how, const char *what)
{
    struct ses_fault fault = {.text = ""};

    if (ses_guarded_text_change(work->path, SES_CALLERS_FILE_MAX, how, work, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    return report(work, what);
}

static struct ses_callers_edit edit_of(const struct work *work, struct ses_slice old, struct ses_buf *fresh)
{
    return (struct ses_callers_edit){
        .file = work->path, .keyed_by = work->keyed_by, .old = old, .fresh = fresh};
}

/* ---- the commands ----------------------------------------------------------------------------------------- */

static enum ses_status add(void *arg, struct ses_slice old, struct ses_buf *fresh,
                           struct ses_fault *ret_fault)
{
    struct work *work = arg;
    struct ses_callers_edit edit = edit_of(work, old, fresh);

    return ses_callers_edit_add(&edit, &work->caller, ret_fault);
}

static int add_caller(struct work *work, struct ses_arena *arena)
{
    if (!ctl_caller_read(work->ctl, arena, &work->caller))
        return CTL_USAGE;
    if (work->caller.certificates_count == 0) {
        make_key(work, 0);
        work->caller.keys = &work->key;
        work->caller.keys_count = 1;
    }
    return change(work, add, "added");
}

int ctl_callers_add(const struct ctl *ctl)
{
    struct ses_arena arena;
    struct work work;
    int code;

    if (!open_work(ctl, &work))
        return CTL_FAILED;
    ses_arena_init(&arena, ARENA_BYTES_MAX);
    code = add_caller(&work, &arena);
    ses_arena_done(&arena);
    close_work(&work);
    return code;
}

static enum ses_status add_key(void *arg, struct ses_slice old, struct ses_buf *fresh,
                               struct ses_fault *ret_fault)
{
    struct work *work = arg;
    struct ses_callers_edit edit = edit_of(work, old, fresh);

    return ses_callers_edit_add_key(&edit, ses_slice_str(work->ctl->args[0]), &work->key, ret_fault);
}

/* The keys before it go on opening: how long clients need to change over nobody knows here. */
int ctl_callers_rotate(const struct ctl *ctl)
{
    uint64_t expires_s;
    struct work work;
    int code;

    if (!ctl_caller_expires(ctl, &expires_s))
        return CTL_USAGE;
    if (!open_work(ctl, &work))
        return CTL_FAILED;
    make_key(&work, expires_s);
    code = change(&work, add_key, "has a new key");
    close_work(&work);
    return code;
}

static enum ses_status revoke(void *arg, struct ses_slice old, struct ses_buf *fresh,
                              struct ses_fault *ret_fault)
{
    struct work *work = arg;
    struct ses_callers_edit edit = edit_of(work, old, fresh);

    return ses_callers_edit_revoke(&edit, ses_slice_str(work->ctl->args[0]),
                                   work->ctl->caller.key == NULL ? NULL : &work->key.id, ret_fault);
}

int ctl_callers_revoke(const struct ctl *ctl)
{
    struct work work;
    int code;

    if (!open_work(ctl, &work))
        return CTL_FAILED;
    if (ctl->caller.key != NULL &&
        ses_caller_key_id_parse(ses_slice_str(ctl->caller.key), &work.key.id) != SES_OK) {
        (void)ctl_fail("--key: must be the id of a key, 16 hex digits (callers list)");
        code = CTL_USAGE;
    } else {
        code = change(&work, revoke, "revoked");
    }
    close_work(&work);
    return code;
}
