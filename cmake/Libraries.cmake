# The libraries that the rooms link, under one name each: LIBUV, fmt, spdlog and yaml-cpp are shared ones,
# or with HOLDFAST_STATIC parts of the program, which then needs nothing but glibc.
find_package(CLI11 REQUIRED)
find_package(tl-expected REQUIRED)
pkg_check_modules(LIBUV REQUIRED IMPORTED_TARGET libuv)
find_package(yaml-cpp REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)

add_library(holdfast_libuv INTERFACE)
add_library(holdfast_yaml_cpp INTERFACE)
add_library(holdfast_spdlog INTERFACE)
add_library(holdfast_fmt INTERFACE)

if(NOT HOLDFAST_STATIC)
  target_link_libraries(holdfast_libuv INTERFACE PkgConfig::LIBUV)
  target_link_libraries(holdfast_yaml_cpp INTERFACE yaml-cpp)
  target_link_libraries(holdfast_spdlog INTERFACE spdlog::spdlog)
  target_link_libraries(holdfast_fmt INTERFACE fmt::fmt)
  return()
endif()

# holdfast_archive(target header names...): an archive and the folder of its header.
function(holdfast_archive target header)
  find_library(${target}_FILE NAMES ${ARGN} REQUIRED)
  find_path(${target}_INCLUDE ${header} REQUIRED)
  mark_as_advanced(${target}_FILE ${target}_INCLUDE)
  target_link_libraries(${target} INTERFACE ${${target}_FILE})
  target_include_directories(${target} SYSTEM INTERFACE ${${target}_INCLUDE})
endfunction()

holdfast_archive(holdfast_libuv uv.h libuv_a.a libuv.a)
target_link_libraries(holdfast_libuv INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
holdfast_archive(holdfast_yaml_cpp yaml-cpp/yaml.h libyaml-cpp.a)
# One file sees spdlog, so its headers alone cost little; fmt is seen by most.
add_library(holdfast_fmt_sources STATIC ${CMAKE_CURRENT_LIST_DIR}/static/fmt.cpp)
set_target_properties(holdfast_fmt_sources PROPERTIES EXPORT_COMPILE_COMMANDS OFF)
target_link_libraries(holdfast_fmt INTERFACE holdfast_fmt_sources)
target_link_options(holdfast_fmt INTERFACE -static-libstdc++ -static-libgcc)
