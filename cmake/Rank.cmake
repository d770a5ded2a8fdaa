# ses_rank(NAME DEPS...): the library of one folder. Its sources are all *.c of the folder.
function(ses_rank name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  add_library(ses_${name} STATIC ${sources})
  target_include_directories(ses_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(ses_${name} PRIVATE ${SES_WARNINGS})
  target_link_libraries(ses_${name} PUBLIC ${ARGN})
endfunction()

# ses_program(NAME SOURCES...): a program of ours with all warnings on; link its ranks afterwards.
function(ses_program name)
  add_executable(${name} ${ARGN})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_compile_options(${name} PRIVATE ${SES_WARNINGS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()
