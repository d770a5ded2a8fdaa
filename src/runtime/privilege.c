/* Capabilities by capset(2) and prctl(2) themselves: two calls, no library. */
#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process.h"

#define GROUPS_MAX 64

struct identity {
    uid_t uid;
    gid_t gid;
    const char *name;
};

/* ---- capabilities ------------------------------------------------------------------------------------- */

static bool get_permitted(uint64_t *ret_permitted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    *ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return true;
}

/* Nothing is asked of the kernel where nothing is left: a service manager's filter may refuse the call itself. */
static bool keep_capabilities(uint64_t wanted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
    uint64_t permitted = 0;
    uint64_t kept;

    if (!get_permitted(&permitted))
        return false;
    kept = permitted & wanted;
    if (permitted == kept && kept == 0)
        return true;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].effective = (uint32_t)(kept >> (32 * i));
        data[i].permitted = data[i].effective;
    }
    return syscall(SYS_capset, &header, data) == 0;
}

/* What an exec could give back. Refused where we may not (EPERM): no_new_privs stands for it then. The first unknown
 * capability ends it (EINVAL). */
static void empty_bounding_set(void)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0L, 0L, 0L) >= 0; cap++)
        (void)prctl(PR_CAPBSET_DROP, cap, 0L, 0L, 0L);
}

/* ---- users -------------------------------------------------------------------------------------------- */

static enum ses_status find_user(const struct ses_config *config, struct identity *ret_identity,
                                 struct ses_fault *fault)
{
    const struct passwd *user;
    const struct group *group;

    errno = 0;
    user = getpwnam(config->user);
    if (user == NULL)
        return ses_fault(fault, SES_NOT_FOUND,
                         "user: there is no user %s on this machine%s%s (useradd --system %s)", config->user,
                         errno == 0 ? "" : ": ", errno == 0 ? "" : strerror(errno), config->user);
    *ret_identity = (struct identity){.uid = user->pw_uid, .gid = user->pw_gid, .name = config->user};
    if (config->group[0] == '\0')
        return SES_OK;
    group = getgrnam(config->group);
    if (group == NULL)
        return ses_fault(fault, SES_NOT_FOUND,
                         "group: there is no group %s on this machine (groupadd --system %s)", config->group,
                         config->group);
    ret_identity->gid = group->gr_gid;
    return SES_OK;
}

/* Only a directory that was made just now is given away: whatever lay in one that exists may be somebody's trap (a link
 * to a file of root's), and the layout's check says whose it is. */
static enum ses_status make_directory(const char *path, const struct identity *identity,
                                      struct ses_fault *fault)
{
    if (mkdir(path, S_IRWXU) != 0)
        return errno == EEXIST ? SES_OK
                               : ses_fault(fault, SES_IO, "%s: cannot be created: %s", path, strerror(errno));
    if (chown(path, identity->uid, identity->gid) != 0)
        return ses_fault(fault, SES_IO, "%s: cannot be given to %s: %s", path, identity->name,
                         strerror(errno));
    return SES_OK;
}

/* The user's own further groups (ssl-cert, for a key that its members may read) stay, root's go. */
static bool change(const struct identity *identity)
{
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;

    if (getgrouplist(identity->name, identity->gid, groups, &count) < 0) {
        groups[0] = identity->gid;
        count = 1;
    }
    return prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) == 0 && setgroups((size_t)count, groups) == 0 &&
           setresgid(identity->gid, identity->gid, identity->gid) == 0 &&
           setresuid(identity->uid, identity->uid, identity->uid) == 0 &&
           prctl(PR_SET_KEEPCAPS, 0L, 0L, 0L, 0L) == 0;
}

static enum ses_status become(const struct ses_config *config, bool make_dir, struct ses_fault *fault)
{
    struct identity identity = {.name = config->user};

    SES_TRY(find_user(config, &identity, fault));
    if (geteuid() == identity.uid && getegid() == identity.gid)
        return SES_OK;
    if (geteuid() != 0)
        return ses_fault(fault, SES_PERMISSION_DENIED,
                         "user: sessiond runs as user %u and cannot become %s: start it as root, or as %s",
                         (unsigned)geteuid(), config->user, config->user);
    if (make_dir)
        SES_TRY(make_directory(config->data_dir, &identity, fault));
    if (!change(&identity))
        return ses_fault(fault, SES_IO, "user: sessiond cannot become %s: %s", config->user, strerror(errno));
    /* A process that changed its user is no longer dumpable, which the leak checker needs. */
    if (SES_UNDER_ASAN)
        (void)prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
    return SES_OK;
}

enum ses_status ses_privilege_become_user(const struct ses_config *config, bool make_dir,
                                          struct ses_fault *ret_fault)
{
    if (geteuid() == 0 && config->user[0] == '\0' && !config->sandbox)
        return ses_fault(
            ret_fault, SES_PERMISSION_DENIED,
            "sessiond does not run as root: name the user it shall run as (user: in the configuration), "
            "or start it as that user; user: root says that root is meant");
    empty_bounding_set();
    if (config->user[0] != '\0')
        SES_TRY(become(config, make_dir, ret_fault));
    if (!keep_capabilities(UINT64_C(1) << CAP_NET_BIND_SERVICE))
        return ses_fault(ret_fault, SES_IO, "capabilities cannot be given up: %s", strerror(errno));
    return SES_OK;
}

enum ses_status ses_privilege_finish(struct ses_fault *ret_fault)
{
    (void)prctl(PR_CAP_AMBIENT, (unsigned long)PR_CAP_AMBIENT_CLEAR_ALL, 0L, 0L, 0L);
    if (!keep_capabilities(0))
        return ses_fault(ret_fault, SES_IO, "capabilities cannot be given up: %s", strerror(errno));
    return SES_OK;
}
