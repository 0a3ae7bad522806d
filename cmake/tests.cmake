# The test programs. tests/unit/FOLDER/NAME_test.c tests src/FOLDER/NAME.c; each is one cmocka program, linked with the
# layers up to the folder's (src/io is one). tests/system/NAME_test.c and the like see everything below the app.
#
# They are named unit/FOLDER/NAME here; what ./test.sh runs beside them stands in suites.cmake.
find_library(CMOCKA_LIBRARY cmocka)
if(NOT CMOCKA_LIBRARY)
  message(STATUS "cmocka is not installed: no test programs")
  return()
endif()

function(sky_test_program name source layer)
  add_executable(${name} ${source})
  # Tests keep their asserts; and cmocka does not tell the compiler that a failed assert_non_null does not return.
  target_compile_options(${name} PRIVATE ${SKY_WARNINGS} -UNDEBUG -Wno-null-dereference)
  target_include_directories(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/tests)
  target_compile_definitions(${name} PRIVATE SKY_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
  target_link_libraries(${name} PRIVATE sky_${layer} ${CMOCKA_LIBRARY})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${ARGN})
  sky_link_without_ipo(${name})
endfunction()

set(SKY_UNIT_TESTS "") # FOLDER/NAME, for suites.cmake
foreach(layer base wire event text window trend engine stage sim io ops)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/tests/unit
       ${CMAKE_CURRENT_SOURCE_DIR}/tests/unit/${layer}/*_test.c)
  foreach(source ${sources})
    get_filename_component(program ${source} NAME_WE)
    sky_test_program(${program} tests/unit/${source} ${layer} unit)
    string(REGEX REPLACE "_test[.]c$" "" name ${source})
    list(APPEND SKY_UNIT_TESTS ${name})
  endforeach()
endforeach()

# tests/system/NAME_probe.c needs a server beside it: a script, NAME_test.py, starts that and runs it.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/system/*_probe.c)
foreach(source ${sources})
  get_filename_component(program ${source} NAME_WE)
  sky_test_program(${program} ${source} ops system)
endforeach()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/system/*_test.c)
set(SKY_SYSTEM_TESTS "")
foreach(source ${sources})
  get_filename_component(program ${source} NAME_WE)
  string(REGEX REPLACE "_test$" "" name ${program})
  sky_test_program(${program} ${source} ops system)
  list(APPEND SKY_SYSTEM_TESTS ${name})
endforeach()
