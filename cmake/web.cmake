# The live page in the program: web/* and Chart.js (Debian's libjs-chart.js) -> web_assets.c in the build folder, again
# whenever one of them changes. web/openapi.json is served beside the API it describes.
find_file(SKY_CHART_JS chart.min.js PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist
          NO_DEFAULT_PATH REQUIRED)

set(web_folder ${CMAKE_CURRENT_SOURCE_DIR}/web)
file(GLOB web_files CONFIGURE_DEPENDS ${web_folder}/*.html ${web_folder}/*.js ${web_folder}/*.css ${web_folder}/*.svg
     ${web_folder}/*.webmanifest)
set(web_assets "/v1/openapi.json=${web_folder}/openapi.json" "/chart.js=${SKY_CHART_JS}")
foreach(file ${web_files})
  get_filename_component(name ${file} NAME)
  list(APPEND web_assets "/${name}=${file}")
endforeach()

set(web_code ${CMAKE_CURRENT_BINARY_DIR}/web_assets.c)
add_custom_command(
  OUTPUT ${web_code}
  COMMAND ${CMAKE_COMMAND} -D OUT=${web_code} -D "ASSETS=${web_assets}"
          -P ${CMAKE_CURRENT_SOURCE_DIR}/cmake/web_assets.cmake
  DEPENDS ${web_files} ${web_folder}/openapi.json ${SKY_CHART_JS} ${CMAKE_CURRENT_SOURCE_DIR}/cmake/web_assets.cmake
  COMMENT "The live page" VERBATIM)
target_sources(sky_io_api PRIVATE ${web_code})

# tests/web/demo.c: the page in each of its states, for the browser test and for working on it.
if(SKY_TESTS)
  add_executable(web_demo ${CMAKE_CURRENT_SOURCE_DIR}/tests/web/demo.c)
  target_compile_options(web_demo PRIVATE ${SKY_WARNINGS})
  target_link_libraries(web_demo PRIVATE sky_io)
  set_target_properties(web_demo PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tests)
  sky_link_without_ipo(web_demo)
endif()
