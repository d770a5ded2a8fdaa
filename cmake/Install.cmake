# What `cmake --install` puts where: programs, the service's files, configuration, manual pages, completion, what monitoring and clients
# need. The package (cmake/Package.cmake) is the same tree.
include(GNUInstallDirs)

set(deploy ${PROJECT_SOURCE_DIR}/deploy)
set(share ${CMAKE_INSTALL_DATADIR}/sessiond)

# sessiond looks for the simulator beside itself.
install(TARGETS sessiond sessiond-sim RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})
install(TARGETS sessiondctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# The units name their program by its path.
file(GLOB units CONFIGURE_DEPENDS ${deploy}/systemd/sessiond.*)
foreach(unit ${units})
  file(READ ${unit} text)
  string(REPLACE "/usr/sbin/sessiond" "${CMAKE_INSTALL_FULL_SBINDIR}/sessiond" text "${text}")
  string(REPLACE "/etc/sessiond/" "${CMAKE_INSTALL_FULL_SYSCONFDIR}/sessiond/" text "${text}")
  get_filename_component(name ${unit} NAME)
  file(WRITE ${PROJECT_BINARY_DIR}/units/${name} "${text}")
  install(FILES ${PROJECT_BINARY_DIR}/units/${name} DESTINATION lib/systemd/system)
endforeach()
install(FILES ${deploy}/debian/sysusers.conf DESTINATION lib/sysusers.d RENAME sessiond.conf)
install(FILES ${deploy}/debian/tmpfiles.conf DESTINATION lib/tmpfiles.d RENAME sessiond.conf)
install(FILES ${deploy}/debian/sessiond.yaml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/sessiond)

install(FILES ${deploy}/completion/sessiond.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME sessiond)
install(FILES ${deploy}/completion/sessiondctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME sessiondctl)

# ses_manual(PAGE PROGRAM): docs/man/PAGE.in with the program's own --help in it, and the example of the configuration.
function(ses_manual page program)
  string(REGEX MATCH "[0-9]$" section ${page})
  set(output ${PROJECT_BINARY_DIR}/man/${page})
  add_custom_command(OUTPUT ${output}
                     COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${program}> -DTEMPLATE=${PROJECT_SOURCE_DIR}/docs/man/${page}.in
                             -DEXAMPLE=${deploy}/sessiond.example.yaml -DVERSION=${PROJECT_VERSION} -DOUTPUT=${output}
                             -P ${PROJECT_SOURCE_DIR}/cmake/Manual.cmake
                     DEPENDS ${program} ${PROJECT_SOURCE_DIR}/docs/man/${page}.in ${deploy}/sessiond.example.yaml
                             ${PROJECT_SOURCE_DIR}/cmake/Manual.cmake
                     VERBATIM)
  add_custom_target(manual_${page} ALL DEPENDS ${output})
  install(FILES ${output} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endfunction()
ses_manual(sessiond.8 sessiond)
ses_manual(sessiondctl.1 sessiondctl)
ses_manual(sessiond.yaml.5 sessiond)

install(FILES ${PROJECT_SOURCE_DIR}/README.md ${PROJECT_SOURCE_DIR}/SECURITY.md ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${deploy}/RUNBOOK.md
              ${deploy}/METRICS.md ${deploy}/sessiond.example.yaml
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
foreach(folder proxy grafana prometheus)
  if(IS_DIRECTORY ${deploy}/${folder})
    install(DIRECTORY ${deploy}/${folder} DESTINATION ${share})
  endif()
endforeach()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/proto/ DESTINATION ${share}/proto FILES_MATCHING PATTERN "*.proto" PATTERN "plugin" EXCLUDE PATTERN "store" EXCLUDE)
install(FILES ${PROJECT_BINARY_DIR}/sessiond.protoset ${PROJECT_BINARY_DIR}/api/openapi.json DESTINATION ${share})
install(FILES ${PROJECT_BINARY_DIR}/api/api.html ${PROJECT_BINARY_DIR}/api/errors.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
