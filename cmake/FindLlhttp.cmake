# Finds llhttp and gives the target Llhttp::llhttp.
#
# A system library comes first, if it is of version 9 or later: those always parse strictly, while
# what an 8.x library does was decided when it was built. Otherwise the C sources that Debian ships
# in node-llhttp are compiled here, with the strict mode on.

# A library that installs its own CMake package.
find_package(llhttp 9 CONFIG QUIET)
foreach(candidate llhttp::llhttp_shared llhttp::llhttp_static llhttp::llhttp)
  if(llhttp_FOUND AND TARGET ${candidate} AND NOT TARGET Llhttp::llhttp)
    add_library(Llhttp::llhttp INTERFACE IMPORTED)
    target_link_libraries(Llhttp::llhttp INTERFACE ${candidate})
    set(Llhttp_SOURCE "system library (CMake package ${llhttp_VERSION})")
  endif()
endforeach()

# A library that pkg-config knows.
if(NOT TARGET Llhttp::llhttp)
  find_package(PkgConfig QUIET)
  if(PkgConfig_FOUND)
    pkg_check_modules(PC_LLHTTP QUIET IMPORTED_TARGET libllhttp>=9)
    if(PC_LLHTTP_FOUND)
      add_library(Llhttp::llhttp INTERFACE IMPORTED)
      target_link_libraries(Llhttp::llhttp INTERFACE PkgConfig::PC_LLHTTP)
      set(Llhttp_SOURCE "system library (pkg-config ${PC_LLHTTP_VERSION})")
    endif()
  endif()
endif()

# The C sources.
if(NOT TARGET Llhttp::llhttp)
  find_path(Llhttp_SOURCE_DIR NAMES llhttp.c PATHS /usr/share /usr/local/share
            PATH_SUFFIXES llhttp llhttp/src)
  find_path(Llhttp_INCLUDE_DIR NAMES llhttp.h
            PATHS /usr/include /usr/share/include /usr/local/include ${Llhttp_SOURCE_DIR}
            PATH_SUFFIXES llhttp include)
  mark_as_advanced(Llhttp_SOURCE_DIR Llhttp_INCLUDE_DIR)
  if(Llhttp_SOURCE_DIR AND Llhttp_INCLUDE_DIR)
    add_library(holdfast_llhttp STATIC ${Llhttp_SOURCE_DIR}/api.c ${Llhttp_SOURCE_DIR}/http.c
                ${Llhttp_SOURCE_DIR}/llhttp.c)
    # SYSTEM, and none of holdfast_compile: it is not our code, so our warnings do not judge it.
    target_include_directories(holdfast_llhttp SYSTEM PUBLIC ${Llhttp_INCLUDE_DIR})
    target_compile_definitions(holdfast_llhttp PUBLIC LLHTTP_STRICT_MODE=1)
    # It is the parser of untrusted bytes, so it is optimised and hardened in every build.
    target_compile_options(holdfast_llhttp PRIVATE -w -O3 -g -fstack-protector-strong)
    if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
      # It has a vectorised scan of targets and values, for every x86-64 since 2009.
      target_compile_options(holdfast_llhttp PRIVATE -msse4.2)
    endif()
    if(HOLDFAST_SANITIZE)
      target_compile_options(holdfast_llhttp PRIVATE -fsanitize=${HOLDFAST_SANITIZE}
                             -fno-omit-frame-pointer)
    endif()
    set_target_properties(holdfast_llhttp PROPERTIES
      POSITION_INDEPENDENT_CODE ON EXPORT_COMPILE_COMMANDS OFF UNITY_BUILD OFF)
    add_library(Llhttp::llhttp ALIAS holdfast_llhttp)
    set(Llhttp_SOURCE "C sources in ${Llhttp_SOURCE_DIR}")
  endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(Llhttp REQUIRED_VARS Llhttp_SOURCE
  REASON_FAILURE_MESSAGE "there is neither a libllhttp 9 nor the C sources of node-llhttp")
