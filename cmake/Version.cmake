# Writes OUTPUT, the source that knows version and commit; run at each build, and written only when something has changed.
#   cmake -DOUTPUT=.. -DSOURCE=.. -DVERSION=.. -P Version.cmake
cmake_minimum_required(VERSION 3.25)
find_program(GIT git)
set(commit unknown)
if(GIT AND EXISTS ${SOURCE}/.git)
  execute_process(COMMAND ${GIT} -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude *
                  OUTPUT_VARIABLE described OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed AND described MATCHES "^[0-9a-f]+(-dirty)?$")
    set(commit ${described})
  endif()
endif()
set(text "/* Made by cmake/Version.cmake. */
#include <sessiond/base/version.h>

const char *ses_version(void)
{
    return \"${VERSION}\";
}

const char *ses_version_commit(void)
{
    return \"${commit}\";
}
")
set(old "")
if(EXISTS ${OUTPUT})
  file(READ ${OUTPUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUTPUT} "${text}")
endif()
