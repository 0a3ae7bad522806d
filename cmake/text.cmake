# src/text/stopwords/LANG.txt -> stopword_data.c in the build folder, again whenever a list changes.
file(GLOB stopword_lists CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/src/text/stopwords/*.txt)
set(stopword_data ${CMAKE_CURRENT_BINARY_DIR}/stopword_data.c)
add_custom_command(
  OUTPUT ${stopword_data}
  COMMAND ${CMAKE_COMMAND} -D OUT=${stopword_data} -D DIR=${CMAKE_CURRENT_SOURCE_DIR}/src/text/stopwords
          -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/stopwords.cmake
  DEPENDS ${stopword_lists} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/stopwords.cmake
  COMMENT "Stop-word lists" VERBATIM)
target_sources(sky_text PRIVATE ${stopword_data})
