# One manual page from its template. @HELP@ is what the program says to --help, @EXAMPLE@ the commented configuration: pages cannot say
# something else than the program.
#   cmake -DPROGRAM=.. -DTEMPLATE=.. -DEXAMPLE=.. -DVERSION=.. -DOUTPUT=.. -P Manual.cmake

cmake_minimum_required(VERSION 3.25)

# Text as roff (groff_man(7)): backslashes, and lines that begin like a request.
function(escape variable)
  set(text "\n${${variable}}")
  string(REPLACE "\\" "\\e" text "${text}")
  string(REPLACE "-" "\\-" text "${text}")
  string(REPLACE "\n." "\n\\&." text "${text}")
  string(REPLACE "\n'" "\n\\&'" text "${text}")
  string(SUBSTRING "${text}" 1 -1 text)
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

execute_process(COMMAND ${PROGRAM} --help OUTPUT_VARIABLE help RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${PROGRAM} --help: ${failed}")
endif()
file(READ ${EXAMPLE} example)
file(READ ${TEMPLATE} page)
escape(help)
escape(example)
string(REPLACE "@HELP@" "${help}" page "${page}")
string(REPLACE "@EXAMPLE@" "${example}" page "${page}")
string(REPLACE "@VERSION@" "${VERSION}" page "${page}")
file(WRITE ${OUTPUT} "${page}")
