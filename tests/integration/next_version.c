/* sessiond-next is this sessiond with another version and commit: what it is linked with before the library's own. */
#include <sessiond/base/version.h>

const char *ses_version(void)
{
    return "0.0.next";
}

const char *ses_version_commit(void)
{
    return "0123456789ab";
}
