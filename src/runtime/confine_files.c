/* Landlock by its system calls: Debian 12 has no wrapper for them, and headers of Linux 6.1, so what came later is
 * named here (Documentation/userspace-api/landlock.rst of the kernel). Rules stand for files that are there when
 * they are made; a path that does not exist has none and stays closed. */
#include "confine.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ABI_REFER    2
#define ABI_TRUNCATE 3
#define ABI_PORTS    4
#define ABI_DEVICES  5
#define ABI_SCOPES   6

#define FS_TRUNCATE  (UINT64_C(1) << 14)
#define FS_IOCTL_DEV (UINT64_C(1) << 15)
#define NET_BIND     (UINT64_C(1) << 0)
#define NET_CONNECT  (UINT64_C(1) << 1)
#define SCOPE_UNIX   (UINT64_C(1) << 0) /* abstract sockets of others */
#define SCOPE_SIGNAL (UINT64_C(1) << 1)
#define RULE_PORT    2

struct ruleset {
    uint64_t files;
    uint64_t ports;
    uint64_t scopes;
};

struct port_rule {
    uint64_t access;
    uint64_t port;
};

#define READ  (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)
#define MAKE  (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* One small file, replaced by rename. */
#define REPLACE                                                                                              \
    (LANDLOCK_ACCESS_FS_READ_DIR | WRITE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* What a rule for something that is no directory may name. */
#define OF_FILES                                                                                             \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE)

struct rule {
    const char *path;
    uint64_t access;
};

/* Both: entropy where getrandom is not taken, libraries that are loaded late (name services, OpenSSL's providers),
 * the state of processes; proc(5) keeps memory, environment and descriptors of others closed by ptrace's rule. */
static const struct rule common_rules[] = {
    {"/dev/null", READ | WRITE},
    {"/dev/urandom", READ},
    {"/dev/random", READ},
    {"/lib", READ},
    {"/lib64", READ},
    {"/usr/lib", READ},
    {"/usr/lib64", READ},
    {"/etc/ld.so.cache", READ},
    {"/etc/localtime", READ},
    {"/proc", READ},
    {"/sys/devices/system/cpu", READ},
};

#define RESOLVER "/etc/resolv.conf"

/* Calls to connectors: names (resolver(5), nsswitch.conf(5), gai.conf(5)) and the authorities that sign for them. */
static const struct rule worker_rules[] = {
    {RESOLVER, READ},
    {"/etc/hosts", READ},
    {"/etc/host.conf", READ},
    {"/etc/nsswitch.conf", READ},
    {"/etc/gai.conf", READ},
    {"/etc/services", READ},
    {"/etc/ssl/openssl.cnf", READ},
    {"/etc/ssl/certs", READ},
    {"/usr/share/ca-certificates", READ},
    {"/usr/local/share/ca-certificates", READ},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int ses_confine_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

void ses_confine_list_data(const struct ses_config *config, const struct ses_layout *layout,
                           struct ses_confine_options *options)
{
    options->records_dir = ses_config_has_lmdb(config) ? layout->shards : NULL;
    options->clock_dir = options->role == SES_CONFINE_HOUSEKEEPER ? layout->time : NULL;
}

/* Everything that this kernel can refuse is refused, but for what a rule allows. */
static struct ruleset handled(int abi)
{
    struct ruleset ruleset = {.files = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1};

    if (abi >= ABI_REFER)
        ruleset.files |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_TRUNCATE)
        ruleset.files |= FS_TRUNCATE;
    if (abi >= ABI_PORTS)
        ruleset.ports = NET_BIND | NET_CONNECT;
    if (abi >= ABI_DEVICES)
        ruleset.files |= FS_IOCTL_DEV;
    if (abi >= ABI_SCOPES)
        ruleset.scopes = SCOPE_UNIX | SCOPE_SIGNAL;
    return ruleset;
}

/* A path that is not there needs no rule. O_PATH follows a link: the rule is its target's. */
static bool allow_path(int ruleset_fd, const struct ruleset *ruleset, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = access & ruleset->files};
    struct stat st;
    bool allowed;
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || errno == EACCES || errno == ENOTDIR;
    if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode))
        rule.allowed_access &= OF_FILES;
    rule.parent_fd = fd;
    allowed = syscall(SYS_landlock_add_rule, ruleset_fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    (void)close(fd);
    return allowed;
}

static bool allow_rules(int ruleset_fd, const struct ruleset *ruleset, const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!allow_path(ruleset_fd, ruleset, rules[i].path, rules[i].access))
            return false;
    }
    return true;
}

/* Where /etc/resolv.conf is a link, somebody else (systemd-resolved, resolvconf) keeps its target and puts a new file
 * in its place again and again: its directory is allowed, or each of them would cost new workers. Not one that is as
 * large as /run or /etc: there the rule is for the file, as elsewhere. */
static bool resolver_directory(char ret_path[PATH_MAX])
{
    struct stat st;

    if (lstat(RESOLVER, &st) != 0 || !S_ISLNK(st.st_mode) || realpath(RESOLVER, ret_path) == NULL)
        return false;
    *strrchr(ret_path, '/') = '\0';
    return strchr(ret_path + (ret_path[0] != '\0'), '/') != NULL;
}

static bool allow_resolver(int ruleset_fd, const struct ruleset *ruleset)
{
    char path[PATH_MAX];

    return !resolver_directory(path) || allow_path(ruleset_fd, ruleset, path, READ);
}

static bool allow_ports(int ruleset_fd, const struct ruleset *ruleset,
                        const struct ses_confine_options *options)
{
    for (size_t i = 0; ruleset->ports != 0 && i < options->ports_count; i++) {
        struct port_rule rule = {.access = NET_CONNECT, .port = options->ports[i]};

        if (syscall(SYS_landlock_add_rule, ruleset_fd, RULE_PORT, &rule, 0) != 0)
            return false;
    }
    return true;
}

static bool allow_files(int ruleset_fd, const struct ruleset *ruleset,
                        const struct ses_confine_options *options)
{
    for (size_t i = 0; i < options->files_count; i++) {
        if (!allow_path(ruleset_fd, ruleset, options->files[i], READ))
            return false;
    }
    return true;
}

static bool allow_all(int ruleset_fd, const struct ruleset *ruleset,
                      const struct ses_confine_options *options)
{
    bool worker = options->role != SES_CONFINE_HOUSEKEEPER;

    return allow_rules(ruleset_fd, ruleset, common_rules, COUNT(common_rules)) &&
           (!worker || allow_rules(ruleset_fd, ruleset, worker_rules, COUNT(worker_rules))) &&
           (!worker || allow_resolver(ruleset_fd, ruleset)) &&
           (options->records_dir == NULL ||
            allow_path(ruleset_fd, ruleset, options->records_dir, READ | WRITE | MAKE)) &&
           allow_files(ruleset_fd, ruleset, options) &&
           (options->clock_dir == NULL || allow_path(ruleset_fd, ruleset, options->clock_dir, REPLACE)) &&
           allow_ports(ruleset_fd, ruleset, options);
}

enum ses_status ses_confine_files(const struct ses_confine_options *options, struct ses_confined *confined)
{
    int abi = ses_confine_landlock_abi();
    struct ruleset ruleset = handled(abi);
    bool done;
    int saved;
    int fd;

    if (abi == 0)
        return SES_OK;
    /* A kernel that knows less of the structure takes it when the rest is zero. */
    fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, sizeof(ruleset), 0);
    if (fd < 0)
        return SES_UNAVAILABLE;
    done = allow_all(fd, &ruleset, options) && syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    saved = errno;
    (void)close(fd);
    errno = saved;
    if (!done)
        return SES_UNAVAILABLE;
    confined->landlock = abi;
    confined->files = true;
    confined->ports = ruleset.ports != 0;
    return SES_OK;
}

#define LOOK_MS 2000

/* What the rule for that name is made for now: there is nothing to watch where it is a directory of that very name,
 * which keeps its rule. */
static bool find_target(const char *name, struct stat *ret_st)
{
    char path[PATH_MAX];

    if (strcmp(name, RESOLVER) == 0 && resolver_directory(path))
        return stat(path, ret_st) == 0;
    return stat(name, ret_st) == 0 && !S_ISDIR(ret_st->st_mode);
}

const char *ses_confine_watch_changed(struct ses_confine_watch *watch, uint64_t now_ms)
{
    bool first = watch->looked_ms == 0;
    const char *changed = NULL;

    static_assert(COUNT(worker_rules) <= SES_CONFINE_WATCHED_MAX, "room for each");
    if (!first && now_ms < watch->looked_ms + LOOK_MS)
        return NULL;
    watch->looked_ms = now_ms;
    for (size_t i = 0; i < COUNT(worker_rules); i++) {
        struct stat st = {.st_ino = 0};

        /* One that is gone was taken away for good, or the next one is on its way. */
        if (!find_target(worker_rules[i].path, &st) ||
            (watch->files[i].device == st.st_dev && watch->files[i].inode == st.st_ino))
            continue;
        watch->files[i].device = st.st_dev;
        watch->files[i].inode = st.st_ino;
        if (!first && changed == NULL)
            changed = worker_rules[i].path;
    }
    return changed;
}
