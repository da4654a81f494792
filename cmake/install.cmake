# Program, library, headers, pkg-config file, man pages. `cmake --install` honours DESTDIR and --prefix.
install(TARGETS itemsage_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS itemsage ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/itemsage DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# The .pc file names the prefix that is chosen when installing, so it is written then.
install(CODE "
  set(PROJECT_VERSION ${PROJECT_VERSION})
  set(CMAKE_INSTALL_INCLUDEDIR ${CMAKE_INSTALL_INCLUDEDIR})
  set(CMAKE_INSTALL_LIBDIR ${CMAKE_INSTALL_LIBDIR})
  set(ITEMSAGE_ONEDNN_PC \"${ITEMSAGE_ONEDNN_PC}\")
  set(ITEMSAGE_PICTURE_PC \"${ITEMSAGE_PICTURE_PC}\")
  set(ITEMSAGE_HTTP_PC \"${ITEMSAGE_HTTP_PC}\")
  configure_file(${CMAKE_SOURCE_DIR}/cmake/itemsage.pc.in ${CMAKE_BINARY_DIR}/itemsage.pc @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/itemsage.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Man pages come from the program's own tables.
set(pages itemsage)
foreach(command init import-products import-events import-inbox import-images import-vectors train embed index sync rollback eval ablate query serve export forget status
        encoders-add encoders-list encoders-remove synth-events help)
  list(APPEND pages itemsage-${command})
endforeach()
foreach(page ${pages})
  string(REGEX REPLACE "^itemsage-?" "" command ${page})
  string(REPLACE "-" ";" words "${command}")
  add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/man/${page}.1
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/man
    COMMAND itemsage_program help --man ${words} > ${CMAKE_BINARY_DIR}/man/${page}.1
    DEPENDS itemsage_program COMMAND_EXPAND_LISTS VERBATIM)
  list(APPEND man_files ${CMAKE_BINARY_DIR}/man/${page}.1)
endforeach()
add_custom_target(man ALL DEPENDS ${man_files})
install(FILES ${man_files} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
