# What ./test.sh runs: CTest's list of tests, made in the release tree only. A tree of its own (asan, tsan, fuzz, tidy)
# is built by a test too, build/TREE, which the tests in that tree depend on; so a test is never run on an old build,
# and asking for one test builds no more than it needs.
#
# Labels: `quick` for `./test.sh --quick`. A test that exits 77 is skipped.

set(SKY_RUN_TEST ${CMAKE_CURRENT_SOURCE_DIR}/scripts/run-test.sh)

# sky_test(NAME [QUICK] [ALONE] [NEEDS TREE SERVER...] [TIMEOUT SECONDS] [ENVIRONMENT NAME=VALUE...] COMMAND ...)
# ALONE: nothing else runs beside it (it measures time, or uses every core).
function(sky_test name)
  cmake_parse_arguments(arg "QUICK;ALONE" "TIMEOUT" "NEEDS;COMMAND;ENVIRONMENT" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${SKY_RUN_TEST} ${name} ${arg_TIMEOUT} ${arg_COMMAND})
  math(EXPR backstop "${arg_TIMEOUT} + 30")
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${backstop} ENVIRONMENT "${arg_ENVIRONMENT}")
  if(arg_QUICK)
    set_tests_properties(${name} PROPERTIES LABELS quick)
  endif()
  if(arg_ALONE)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  if(arg_NEEDS)
    set_tests_properties(${name} PROPERTIES FIXTURES_REQUIRED "${arg_NEEDS}")
  endif()
endfunction()

# The test build/NAME builds a preset's tree; tests say `NEEDS NAME`.
function(sky_test_tree name preset)
  sky_test(build/${name} ALONE TIMEOUT 1800 COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/build.sh ${preset} ${ARGN})
  set_tests_properties(build/${name} PROPERTIES FIXTURES_SETUP ${name})
endfunction()

# The test build/SERVER installs a server that tests start (tests/system/servers.py); tests say `NEEDS ... SERVER`, scripts
# by a word of their "# test:" line. Without the server they fail. It runs beside other tests: MinIO takes minutes to build.
foreach(server kafka minio flink)
  sky_test(build/${server} TIMEOUT 1800 COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/install-servers.sh ${server})
  set_tests_properties(build/${server} PROPERTIES FIXTURES_SETUP ${server})
endforeach()

# The tests of the tree itself: how it reads.
foreach(name format includes bounds words shell whole checkers)
  sky_test(style/${name} QUICK COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/style/${name}.sh)
endforeach()
sky_test(style/tidy ALONE TIMEOUT 1800 COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/build.sh tidy)

# Unit tests: with gcc as released; with clang under the address and undefined behaviour sanitizers; and where there are
# threads, under the thread sanitizer.
sky_test_tree(release release)
sky_test_tree(asan asan)
sky_test_tree(tsan tsan)
set(asan_environment # an impossible allocation gives NULL, as from the system
    "ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allocator_may_return_null=1"
    "UBSAN_OPTIONS=print_stacktrace=1")
set(tsan_environment
    "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:allocator_may_return_null=1:suppressions=${CMAKE_CURRENT_SOURCE_DIR}/tests/tsan.supp")
foreach(test ${SKY_UNIT_TESTS})
  get_filename_component(folder ${test} DIRECTORY)
  get_filename_component(name ${test} NAME)
  set(program tests/unit/${name}_test)
  sky_test(unit/${test} QUICK NEEDS release COMMAND ${CMAKE_BINARY_DIR}/${program})
  sky_test(asan/${test} NEEDS asan COMMAND ${CMAKE_BINARY_DIR}/asan/${program} ENVIRONMENT ${asan_environment})
  if(folder MATCHES "^(io|ops)(/|$)")
    sky_test(tsan/${test} NEEDS tsan COMMAND ${CMAKE_BINARY_DIR}/tsan/${program} ENVIRONMENT ${tsan_environment})
  endif()
endforeach()

# fuzz/NAME_fuzz.c: 30 s each from the seeds in fuzz/corpus/NAME; what it finds stays in build/fuzz/corpus.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/*_fuzz.c)
if(sources)
  sky_test_tree(fuzz fuzz)
endif()
foreach(source ${sources})
  get_filename_component(program ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" name ${program})
  sky_test(fuzz/${name} NEEDS fuzz COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/scripts/fuzz.sh ${name} 30
           ENVIRONMENT ${asan_environment})
endforeach()

# bench/NAME.c: once on a tiny input, so that no bench rots.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/bench/*.c)
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  file(STRINGS ${source} is_bench REGEX "^int bench_${name}\\(" LIMIT_COUNT 1)
  if(is_bench)
    sky_test(bench/${name} ALONE NEEDS release COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tests/bench/quick.py ${name})
  endif()
endforeach()

# Whole programs: each executable tests/SUITE/NAME.sh (or .py) is the test SUITE/NAME, and so is tests/system/NAME_test.c.
# A line "# test: WORDS" in it may say quick, alone, asan (run once more with the sanitized skytrend), timeout=SECONDS, and
# which servers must be installed: kafka, minio, flink (with the job's jar).
foreach(name ${SKY_SYSTEM_TESTS})
  sky_test(system/${name} NEEDS release COMMAND ${CMAKE_BINARY_DIR}/tests/system/${name}_test)
endforeach()
foreach(suite system vectors sim web docs)
  file(GLOB scripts CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/${suite}/*_test.sh
       ${CMAKE_CURRENT_SOURCE_DIR}/tests/${suite}/*_test.py)
  foreach(script ${scripts})
    get_filename_component(name ${script} NAME_WE)
    string(REGEX REPLACE "_test$" "" name ${name})
    file(STRINGS ${script} directive REGEX "^# test: " LIMIT_COUNT 1)
    string(REGEX REPLACE "^# test: *" "" directive "${directive}")
    separate_arguments(words UNIX_COMMAND "${directive}")
    set(options "")
    set(servers "")
    set(in_asan OFF)
    foreach(word ${words})
      if(word STREQUAL "quick")
        list(APPEND options QUICK)
      elseif(word STREQUAL "alone")
        list(APPEND options ALONE)
      elseif(word STREQUAL "asan")
        set(in_asan ON)
      elseif(word MATCHES "^(kafka|minio|flink)$")
        list(APPEND servers ${word})
      elseif(word MATCHES "^timeout=([0-9]+)$")
        list(APPEND options TIMEOUT ${CMAKE_MATCH_1})
      else()
        message(FATAL_ERROR "${script}: '# test: ${word}' is not known")
      endif()
    endforeach()
    sky_test(${suite}/${name} ${options} NEEDS release ${servers} COMMAND ${script} ENVIRONMENT SKYTREND=${CMAKE_BINARY_DIR}/skytrend)
    if(in_asan)
      list(REMOVE_ITEM options QUICK)
      sky_test(asan/${suite}/${name} ${options} NEEDS asan ${servers} COMMAND ${script}
               ENVIRONMENT SKYTREND=${CMAKE_BINARY_DIR}/asan/skytrend ${asan_environment})
    endif()
  endforeach()
endforeach()
