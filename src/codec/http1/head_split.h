#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "codec/http1/head.h"

namespace holdfast::http1 {

// Splits the field lines of a complete head with llhttp and writes them, named, into the table.
//
// The head has passed HeadScan and its start line has been read. llhttp only says where names and
// values are: the spans must tile the raw lines, each name at the start of its line and each value
// to its end, so a leniency of llhttp shows as a gap and refuses the head. `start_line_bytes` is
// without CRLF; more fields than the table has room for are refused as too large.
[[nodiscard]] Result<std::span<Field>> split_fields(HeadKind kind, std::string_view head,
                                                    std::size_t start_line_bytes,
                                                    std::span<Field> table);

}  // namespace holdfast::http1
