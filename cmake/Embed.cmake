# holdfast_embed(target file symbol): builds a file into the target, as a function
# `std::string_view holdfast::symbol()`, declared wherever it is used. The file is read again
# whenever it changes; nothing of where it lies gets into the program.
#
# The same file is the script that writes the source: cmake -DFILE=.. -DOUTPUT=.. -DSYMBOL=.. -P this.
if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${FILE} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
  string(REGEX REPLACE "(('[^']*',){16})" "    \\1\n" bytes "${bytes}")
  get_filename_component(name ${FILE} NAME)
  file(WRITE ${OUTPUT} "// Made of ${name}.
#include <string_view>

namespace holdfast {
namespace {

constexpr char bytes[] = {
${bytes}};

}  // namespace

std::string_view ${SYMBOL}();
std::string_view ${SYMBOL}() { return {bytes, sizeof(bytes)}; }

}  // namespace holdfast
")
  return()
endif()

set(HOLDFAST_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(holdfast_embed target file symbol)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${symbol}.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DFILE=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUTPUT=${output}
            -DSYMBOL=${symbol} -P ${HOLDFAST_EMBED_SCRIPT}
    DEPENDS ${file} ${HOLDFAST_EMBED_SCRIPT}
    COMMENT "Embedding ${file}" VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
